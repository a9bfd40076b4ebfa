#include "core/audit/arm_summary.h"

namespace ra {

ArmSummary summarize(const Audit& audit, const ArmFinding& found) {
  ArmSummary kept{.name = audit.arms[static_cast<size_t>(found.arm)].name,
                  .verdict = found.verdict,
                  .complete = found.complete,
                  .logits_differ = found.logits_differ,
                  .planned = found.planned,
                  .done = found.done,
                  .equal_to_solo = found.equal_to_solo,
                  .distinct_streams = found.distinct_streams,
                  .digests = found.digests,
                  .tokens = found.tokens,
                  .tokens_per_second = found.tokens_per_second,
                  .seconds = found.seconds};
  if (found.first_divergence) kept.first_divergence = found.first_divergence->position;
  return kept;
}

}  // namespace ra
