// Rule 8, for its own kernel and for the product that ends with it.
#pragma once

#include "kernels/cuda/numerics.cuh"

namespace ra::cuda {

// silu(gate) * up of two bf16 values, before it is rounded.
__device__ inline float swiglu_value(float gate, float up) {
  const float v = fminf(fmaxf(__fmul_rn(gate, -0x1.715476p+0f), -125.0f), 125.0f);
  int i;
  float p;
  exp2_pair(v, i, p);
  const float a = round_bf16(__fdiv_rn(gate, __fadd_rn(1.0f, __fmul_rn(p, power_of_two(i)))));
  return __fmul_rn(a, up);
}

}  // namespace ra::cuda
