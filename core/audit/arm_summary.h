// What is kept of one arm of an audit where many audits are looked at together.
#pragma once

#include <optional>
#include <string>

#include "core/audit/analysis.h"

namespace ra {

struct ArmSummary {
  std::string name;
  Verdict verdict = Verdict::incomplete;
  bool complete = true;
  bool logits_differ = false;
  int64_t planned = 0, done = 0;  // runs
  int64_t equal_to_solo = 0;
  int64_t distinct_streams = 0;
  TrialRate digests, tokens;                // random trials that differ
  std::optional<int32_t> first_divergence;  // token position
  double tokens_per_second = 0;
  double seconds = 0;
};

ArmSummary summarize(const Audit& audit, const ArmFinding& found);

}  // namespace ra
