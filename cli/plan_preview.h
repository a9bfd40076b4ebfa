// What --dry-run prints.
#pragma once

#include <functional>
#include <string>

#include "core/audit/audit.h"
#include "core/llm/arms.h"

namespace ra {

// The plan, its batch sizes, the memory it needs, and the time it would take by assumed speeds: nothing is run. Of a list
// of prompts a line each, and the sum. `audit_at` gives the audit of the prompt at each place below `count`.
std::string plan_preview(size_t count, const std::function<Audit(size_t)>& audit_at, const ModelShape& shape,
                         const ArmsSpec& spec);

}  // namespace ra
