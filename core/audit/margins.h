// How far logits move, and whether a flip of two tokens fits that (measurement.md, Margins). All gaps are
// between fp32 accumulators of the same two tokens at equal prefixes.
#pragma once

#include <cstdint>
#include <optional>

#include "core/audit/analysis.h"
#include "core/audit/outcomes.h"

namespace ra {

struct Perturbation {
  std::optional<double> epsilon;  // 99.9th percentile of |change of the gap between the two best tokens|
  int64_t samples = 0;
};

// Over each distinct stream against its solo in every arm, and over the arms' solos against each other
// (without `reference`, which rounds elsewhere): every step at an equal prefix whose best two tokens stayed
// in place and whose digest changed.
Perturbation measure_perturbation(const Audit& audit, const Outcomes& outcomes);

// Fills in the gaps at `divergence.position` and judges them. `reference_arm` is -1 where there is none.
void judge_margin(const Stream& solo, const Stream& stream, const Outcomes& outcomes, int32_t reference_arm,
                  std::optional<double> epsilon, Divergence& divergence);

}  // namespace ra
