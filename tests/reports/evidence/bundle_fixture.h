// Bundles for tests: of audits that a test made up, with keys of its own.
#pragma once

#include <set>
#include <string>

#include "reports/evidence/evidence.h"
#include "reports/evidence/verify.h"

namespace ra {

// A private key as PEM: of Ed25519 always the same one for a number, of P-256 a new one.
std::string ed25519_pem(int number);
std::string p256_pem();
PrivateKey ed25519_key(int number);

// The audit with the chain that a Store gives its results, so that it is one that was loaded.
Audit with_chain(Audit audit);

// 24 runs of two scripted subjects, stored and loaded: streams that part, a stop, a failed trial, repeats.
const Audit& eventful_audit();

// Of nobody but the audit's own policy; signed where there is a key.
Issue issue_of(const Audit& audit, const PrivateKey* key);
BundleFiles bundle_of(const Audit& audit, const PrivateKey* key);
BundleFiles bundle_of(const Audit& audit, const Issue& issue, const PrivateKey* key);

VerifyRequest request_with(const PrivateKey* key);
std::set<std::string> failed_checks(const BundleFiles& files, const VerifyRequest& request);
// Every check with its state and sentence, for messages.
std::string told(const EvidenceVerdict& verdict);

}  // namespace ra
