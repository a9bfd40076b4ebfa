// Rule 2 in class hopper-k16/1 on a processor: what one step of Hopper's tensor cores computes, in integers. The rule was
// measured and is also in MMA-Sim (arXiv 2511.10909).
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace ra {

inline constexpr int kStepProducts = 16;

// step(c, a, b) over 16 products of bf16 values: every exact product and c, truncated towards zero to a multiple of 2^(e -
// 25), e being the greatest of their exponents and of -133 (zeros have none; a denormal's is that of the least normal
// number), are added exactly; the sum is rounded towards zero to fp32. NaN (0x7fffffff) for a NaN, for infinity times 0, and for
// infinities of both signs; else an infinity wins. A sum that is zero, or rounds to it, is +0.
float k16_step(float c, const Bf16* a, const Bf16* b);

// acc(+0, a, b) over k values: steps in ascending order, the last one padded with zeros.
float k16_sum(const Bf16* a, const Bf16* b, int k);

}  // namespace ra
