// Between bf16 as it is stored and the fp32 that a BLAS reads and writes.
#pragma once

#include "kernels/bf16.h"
#include "kernels/cpu/simd_target.h"

namespace ra {

// y = x, each [n].
void widen_row(SimdTarget target, const Bf16* x, size_t n, float* y);

// y = B(x), or B(x + bias) if `bias` is not null; each [n]. False if a result is an infinity or a NaN.
bool round_row(SimdTarget target, const float* x, const float* bias, size_t n, Bf16* y);

}  // namespace ra
