// numerics.md's scalar rules on the device. Every intrinsic is one rounding; the compiler is told not to fuse
// (rule 17), so plain operators would do too: they are spelled out where the rule counts roundings.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

namespace ra::cuda {

// Rules 12 and 13: the exponent of a maximum over no keys. Differences with it stay within an int.
constexpr int kNoKey = -(1 << 28);
constexpr float kMaxScore = 0x1p20f;  // rule 11

__device__ inline float widen(uint16_t bits) {
  return __uint_as_float(static_cast<uint32_t>(bits) << 16);
}
__device__ inline float widen_low(uint32_t pair) {
  return __uint_as_float(pair << 16);
}
__device__ inline float widen_high(uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

// B(x): to nearest even; the conversion keeps denormals.
__device__ inline uint16_t round_bits(float x) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}
__device__ inline float round_bf16(float x) {
  return widen(round_bits(x));
}
// B(low) and B(high) in one word, the low one below.
__device__ inline uint32_t round_pair(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return static_cast<uint32_t>(__bfloat16_as_ushort(pair.x)) |
         static_cast<uint32_t>(__bfloat16_as_ushort(pair.y)) << 16;
}

// Rule 7: 2^u as p * 2^i, for |u| <= 2^20.
__device__ inline void exp2_pair(float u, int& i, float& p) {
  const float t = __fadd_rn(u, 12582912.0f);
  i = static_cast<int>(__float_as_uint(t) - 0x4B400000u);
  const float f = __fsub_rn(u, __fsub_rn(t, 12582912.0f));
  p = __fmaf_rn(0x1.5bba14p-10f, f, 0x1.3cea88p-7f);
  p = __fmaf_rn(p, f, 0x1.c6b752p-5f);
  p = __fmaf_rn(p, f, 0x1.ebf9bcp-3f);
  p = __fmaf_rn(p, f, 0x1.62e42ap-1f);
  p = __fmaf_rn(p, f, 1.0f);
}

// 2^i for i <= 125; 0 below 2^-125.
__device__ inline float power_of_two(int i) {
  return i < -125 ? 0.0f : __uint_as_float(static_cast<uint32_t>(i + 127) << 23);
}

__device__ inline bool is_finite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u;
}

// tree() of rule 1 over one value of each of `kThreads` neighbouring lanes; every lane gets the sum. Addition commutes, so
// both partners of an exchange compute the same bits.
template <int kThreads>
__device__ inline float tree(float v) {
#pragma unroll
  for (int distance = 1; distance < kThreads; distance *= 2)
    v = __fadd_rn(v, __shfl_xor_sync(0xffffffffu, v, distance));
  return v;
}

// --- what overlaps with the launch before ---------------------------------------------------------------------

// Waits until the grids before have finished and their writes can be seen.
__device__ inline void wait_for_inputs() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}
// Lets the next grid start; what it does before its wait overlaps with this one.
__device__ inline void let_next_start() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

}  // namespace ra::cuda
