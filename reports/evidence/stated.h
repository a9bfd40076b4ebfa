// What a bundle's statements say, read back from their envelopes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/evidence/dsse.h"
#include "reports/evidence/statements.h"

namespace ra {

struct StatementSubject {
  std::string name, sha256;
};

struct StatedEvidence {
  Envelope test_result, run_detail;
  std::vector<StatementSubject> subjects;  // of run_detail
  std::string audit_id, creator, policy, verdict, head;
  std::optional<std::string> key_id;  // absent: it says that it is not signed
  std::vector<ResponsiblePerson> responsible;
};

// `lines` are the two envelopes. Error(bad_input) "statement/audit.intoto.jsonl: ..." where they are not two statements of
// the types of statements.h. Signatures are not looked at.
StatedEvidence read_statements(const std::string& lines);

// The first member in which two statements differ: "predicate.results"; empty where they are the same bytes.
std::string differing_part(const std::string& statement, const std::string& expected);

}  // namespace ra
