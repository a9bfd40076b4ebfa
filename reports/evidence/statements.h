// The two in-toto statements (Statement v1) about an audit: a test result about the model's files, and the detail of the
// audit about the bundle's files. Their text is a function of what is given here alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/policy.h"
#include "core/json.h"
#include "reports/evidence/bundle.h"
#include "reports/evidence/signing.h"
#include "reports/html_filing.h"

namespace ra {

inline constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr const char* kTestResultType = "https://in-toto.io/attestation/test-result/v0.1";
// A name and no address: RFC 2606 keeps .example from leading anywhere.
inline constexpr const char* kRunType = "https://repro-audit.example/attestation/run/v1";

// What of a bundle does not follow from its audit.
struct Issue {
  std::string creator;           // the version of the program that makes it
  Policy policy;                 // by which it judges
  std::optional<PublicKey> key;  // of who signs it; absent: it is not signed
  std::vector<ResponsiblePerson> responsible;
  std::string clauses_toml;  // the list of clauses that its report names, and what is read from it
  ClauseList clauses;
};

// What statements consist of: {"sha256": ...}, {"name": ..., "digest": ...}, and the text of a whole one, on one line.
Json sha256_digest(std::string hex_digest);
Json resource(const std::string& name, Json digest);
std::string statement(Json::Array subjects, const char* type, Json predicate);

// Of the model: what the policy asked for, rule by rule, as "arm/rule" (of the whole audit: "audit/rule"). PASSED where
// all are met, FAILED where one is not, else WARNED: missing trials may decide. `files` has inputs/settings.json.
std::string test_result_statement(const Audit& audit, const Finding& finding, const BundleFiles& files);

// Of the bundle: `files` are all that it has but for the statement's. `head` is run_lines(audit).head.
std::string run_statement(const Audit& audit, const Finding& finding, const BundleFiles& files,
                          const std::string& head, const Issue& issue);

// PASSED, FAILED or INCOMPLETE.
std::string verdict_word(const Finding& finding);

// What the bundle does not show, a sentence or phrase each.
std::vector<std::string> evidence_limits(const Audit& audit, const Issue& issue);

}  // namespace ra
