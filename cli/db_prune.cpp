#include "cli/db_prune.h"

#include <algorithm>
#include <set>

namespace ra {

std::vector<std::string> prunable(const std::vector<AuditSummary>& audits,
                                  const std::vector<Baseline>& baselines, std::optional<int64_t> keep,
                                  const std::optional<std::string>& older_than) {
  const auto is_baseline = [&](const std::string& id) {
    return std::any_of(baselines.begin(), baselines.end(),
                       [&](const Baseline& at) { return at.audit == id; });
  };
  std::vector<const AuditSummary*> candidates;
  std::set<std::string> kept_sets;
  for (size_t i = 0; i < audits.size(); ++i) {
    const bool beyond = keep && static_cast<int64_t>(audits.size() - i) > *keep;
    // Both are ISO 8601 in UTC, which sorts by time.
    const bool old = older_than && audits[i].created < *older_than;
    if ((beyond || old) && !is_baseline(audits[i].id)) {
      candidates.push_back(&audits[i]);
    } else if (audits[i].prompts) {
      kept_sets.insert(audits[i].prompts->set);
    }
  }
  std::vector<std::string> ids;
  for (const AuditSummary* audit : candidates)
    if (!audit->prompts || !kept_sets.contains(audit->prompts->set)) ids.push_back(audit->id);
  return ids;
}

}  // namespace ra
