// Makes a bundle: pure functions, an audit in, files out. The same audit and issue give the same bytes.
#pragma once

#include <optional>
#include <string>

#include "core/audit/audit.h"
#include "reports/evidence/bundle.h"
#include "reports/evidence/dsse.h"
#include "reports/evidence/statements.h"

namespace ra {

struct Evidence {
  BundleFiles files;                    // all that SHA256SUMS lists, and it
  std::string test_result, run_detail;  // the statements: what is signed is their pre_authentication_encoding
  std::string verify_page;
};

// `database`: database_of(audit), or those bytes from a bundle.
Evidence make_evidence(const Audit& audit, const Issue& issue, std::string database);
// The same where judged_by(audit, issue.policy) and what analyze() finds in it are at hand.
Evidence make_evidence(const Audit& judged, const Finding& finding, const Issue& issue, std::string database);

// One signature of each statement (raw bytes).
struct Signatures {
  std::string test_result, run_detail;
};
Signatures sign(const Evidence& evidence, const PrivateKey& key);

// The files of the statement but for replays. `signatures` are of issue.key; without them the envelopes have none, and
// wait for those that are made elsewhere. `timestamp` is an RFC 3161 response about signatures->run_detail.
BundleFiles statement_files(const Evidence& evidence, const Issue& issue,
                            const std::optional<Signatures>& signatures,
                            const std::optional<std::string>& timestamp = std::nullopt);

// Puts signatures or a time stamp that were made elsewhere into a bundle whose statements name their key. Error(bad_input)
// where there are no such statements. Whether they fit, verify_evidence() says.
void attach_signatures(BundleFiles& files, const Signatures& signatures);
void attach_timestamp(BundleFiles& files, const std::string& timestamp);

}  // namespace ra
