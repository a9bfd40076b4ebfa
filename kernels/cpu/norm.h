// RMSNorm and the residual sum, numerics.md rules 5 and 6.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"
#include "kernels/cpu/simd_target.h"

namespace ra {

inline constexpr int kMaxLanes = 1024;

// y = norm(x) over n values with `lanes` partial sums (a power of two, at most kMaxLanes). weight is [n], values that
// are bf16. y may be x. Returns false if the sum of squares is not finite.
bool rms_norm(SimdTarget target, const Bf16* x, const float* weight, int n, int lanes, float eps, Bf16* y);

// h = B(h + d) over n values.
void add_residual(SimdTarget target, Bf16* h, const Bf16* d, int n);

}  // namespace ra
