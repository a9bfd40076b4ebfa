#include "cli/run_baseline.h"

#include <fmt/format.h>

#include "core/audit/store.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {

BaselineAudit load_baseline(const std::string& path, const std::string& name,
                            const std::string& database_option) {
  const Store store = Store::open_reader(path);
  return {name, store.load(store.baseline(name).audit), database_option};
}

void require_comparable(const BaselineAudit& baseline, const Audit& audit) {
  const std::vector<std::string> obstacles = find_obstacles(baseline.audit, audit);
  if (obstacles.empty()) return;
  throw Error(
      Exit::not_comparable,
      fmt::format(
          "baseline {}: not comparable: {}; expected what audit {} was run with, or a baseline of this",
          baseline.name, fmt::join(obstacles, "; "), baseline.audit.id));
}

Verdicts judge_by_baseline(const std::optional<BaselineAudit>& baseline, const Audit& audit,
                           const Finding& finding) {
  Verdicts verdicts{.exit_status = finding.exit_status, .reason = finding.reason};
  if (!baseline) return verdicts;
  verdicts.comparison = compare(baseline->audit, analyze(baseline->audit), audit, finding);
  const Comparison& found = *verdicts.comparison;
  if (found.likeness == Likeness::same) return verdicts;
  if (finding.exit_status != static_cast<int>(Exit::divergence)) verdicts.exit_status = found.exit_status;
  const std::string option =
      baseline->database.empty() ? "" : fmt::format(" --db {}", printable(baseline->database, 4096));
  verdicts.reason += fmt::format(
      "{}baseline {}: {}; if that is meant, `repro-audit baseline set {} {}{}` makes this audit the baseline",
      verdicts.reason.empty() ? "" : "; ", baseline->name, found.reason, audit.id, baseline->name, option);
  return verdicts;
}

}  // namespace ra
