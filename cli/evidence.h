// The parts of `repro-audit evidence`, a subcommand each.
#pragma once

#include "cli/verbs.h"
#include "reports/evidence/verify.h"

namespace ra {

Verb add_evidence_create(CLI::App& evidence);
Verb add_evidence_verify(CLI::App& evidence);
Verb add_evidence_attach(CLI::App& evidence);

// verify_evidence with this program's version and readers; `request` has the keys.
EvidenceVerdict verify_as_program(const BundleFiles& files, VerifyRequest request);

}  // namespace ra
