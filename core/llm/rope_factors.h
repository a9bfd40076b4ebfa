// GGUF keeps Llama 3's RoPE scaling as a tensor rope_freqs.weight: one divisor for each frequency. This finds the
// parameters that it was made from.
#pragma once

#include <optional>
#include <span>

#include "kernels/ops.h"

namespace ra {

// llama3 scaling of `rope`'s base whose divisors are `factors` ([head_dim / 2]); none if there is no such scaling.
// `original_positions` is what the file says, if it says anything: Llama 3.1 to 3.3 have 8192.
std::optional<RopeSpec> llama3_scaling(const RopeSpec& rope, std::span<const float> factors,
                                       std::optional<double> original_positions);

}  // namespace ra
