// What --dry-run prints.
#pragma once

#include <string>

#include "core/audit/plan.h"
#include "core/llm/arms.h"

namespace ra {

// The plan, its batch sizes, the memory it needs, and the time it would take by assumed speeds: nothing is run.
std::string plan_preview(const Plan& plan, const ModelShape& shape, const ArmsSpec& spec);

}  // namespace ra
