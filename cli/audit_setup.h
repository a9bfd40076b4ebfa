// From settings and a model to an audit that can begin, or go on.
#pragma once

#include <vector>

#include "cli/prompt.h"
#include "cli/run_options.h"
#include "core/audit/audit.h"
#include "core/llm/arms.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"

namespace ra {

PlanSpec plan_spec(const RunSettings& settings, const ModelShape& shape, std::vector<int32_t> prompt,
                   std::vector<int32_t> companions);

// Everything of a new audit but its id and its arms' facts: the plan, and what is audited, in words and hashes.
// `tokenizer` is null where the checkpoint has none.
Audit new_audit(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer);

// The arms that its plan needs.
ArmsSpec arms_spec(const RunSettings& settings, const Checkpoint& checkpoint, const Plan& plan);

std::vector<Arm> describe_arms(const std::vector<Subject*>& subjects);

}  // namespace ra
