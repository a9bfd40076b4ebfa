// A small audit of two scripted subjects, as tests of storage and reports use it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/audit/audit.h"
#include "core/audit/runner.h"
#include "tests/support/scripted_subject.h"

namespace ra {

struct ScriptedAudit {
  Audit audit;  // not yet stored
  std::vector<std::unique_ptr<ScriptedSubject>> subjects;
  std::vector<Subject*> arms() const;
};

// 24 runs of 12 tokens in batches of 1 to 8; "standard" follows the script, "invariant" never parts.
PlanSpec scripted_spec();
ScriptedAudit scripted_audit(const PlanSpec& spec, const Script& standard, const Script& invariant = {});
// The bytes of a scripted token: "t<id> ".
std::string scripted_piece(int32_t token);
RunnerOptions scripted_options();

// What differs between two loaded audits, in words; empty where they are equal in all but times and segments.
std::string difference(const Audit& a, const Audit& b);

}  // namespace ra
