// run --baseline: the audit that a new one is judged by, besides its policy.
#pragma once

#include <optional>
#include <string>

#include "core/audit/comparison.h"

namespace ra {

struct BaselineAudit {
  std::string name;
  Audit audit;
  std::string
      database;  // as it was named on the command line, for commands that are shown; empty if it was not
};

// Error(usage) if there is none of that name in the database at `path`.
BaselineAudit load_baseline(const std::string& path, const std::string& name,
                            const std::string& database_option);

// Before the first trial: Error(not_comparable) names what is another than the baseline's.
void require_comparable(const BaselineAudit& baseline, const Audit& audit);

// The policy's verdict on a complete audit, with the baseline's if there is one.
struct Verdicts {
  std::optional<Comparison> comparison;
  int exit_status = 0;  // a regression by either wins, then what is not comparable, then what the policy says
  std::string reason;   // why it is not 0, with the command that makes `audit` the baseline; else empty
};
Verdicts judge_by_baseline(const std::optional<BaselineAudit>& baseline, const Audit& audit,
                           const Finding& finding);

}  // namespace ra
