// Which audits `db prune` removes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/audit/store.h"

namespace ra {

// All but the last `keep`, or those begun before `older_than`, a time as audits have it. Never a baseline's, and none of a
// list's while another of the same set stays: a set is told over all its prompts or not at all.
std::vector<std::string> prunable(const std::vector<AuditSummary>& audits,
                                  const std::vector<Baseline>& baselines, std::optional<int64_t> keep,
                                  const std::optional<std::string>& older_than);

}  // namespace ra
