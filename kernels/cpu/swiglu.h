// SwiGLU, numerics.md rule 8.
#pragma once

#include "kernels/bf16.h"
#include "kernels/cpu/simd_target.h"

namespace ra {

// y = silu(gate) * up, each [n].
void swiglu(SimdTarget target, const Bf16* gate, const Bf16* up, int n, Bf16* y);

}  // namespace ra
