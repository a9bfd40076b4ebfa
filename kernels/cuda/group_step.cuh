// One k16 step of a group of four warps (wgmma), for 64 rows and many columns, with both operands in shared memory.
//
// Of the accumulators of warp w in the group, lane l has rows 16 w + l / 4 and eight more, and of each group of eight columns
// 2 (l mod 4) and the next: d[4 g + 2 h + c] is row 16 w + l / 4 + 8 h, column 8 g + 2 (l mod 4) + c (PTX ISA, wgmma, the
// accumulator's fragment).
#pragma once

#include <cstdint>

#include "kernels/cuda/tensor_core.cuh"

namespace ra::cuda {

constexpr int kGroupThreads = 128;
constexpr int kGroupRows = 64;
constexpr int kStepBytes = 32;  // of a row of an operand, in one step

// Where an operand lies (PTX ISA, wgmma, the matrix descriptor): rows of 128 bytes, 64 values of k, in the tensor copies'
// swizzle of 128 bytes, from a multiple of 1024 on. A later step of the same rows begins kStepBytes further.
__device__ inline uint64_t operand_at(uint32_t shared) {
  constexpr uint64_t kSwizzle128 = uint64_t{1} << 62, kEightRows = uint64_t{1024 >> 4} << 32,
                     kUnused = uint64_t{1} << 16;
  return kSwizzle128 | kEightRows | kUnused | (shared & 0x3ffff) >> 4;
}

// Before the first step of several, and wherever the accumulators were touched otherwise.
__device__ inline void begin_steps() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
// Closes a batch of steps; waits until at most kBatches of the last are at work.
__device__ inline void end_batch() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
template <int kBatches>
__device__ inline void wait_batches() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kBatches) : "memory");
}

#define RA_TEN(t) \
  "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define RA_FOUR(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define RA_SIXTEEN(d, i) RA_FOUR(d, i), RA_FOUR(d, i + 4), RA_FOUR(d, i + 8), RA_FOUR(d, i + 12)
#define RA_GROUP_STEP(columns, places, w, x, add)                                         \
  "{\n.reg .pred add;\nsetp.ne.b32 add, " add                                             \
  ", 0;\n"                                                                                \
  "wgmma.mma_async.sync.aligned.m64n" columns "k16.f32.bf16.bf16 {" places "}, " w ", " x \
  ", add, 1, 1, 0, 0;\n}\n"

// D = step(D, W, X), or step(0, W, X) unless `add`: rule 2 for 64 rows of W and twice as many rows of X as D has values.
__device__ inline void group_step(float (&d)[32], uint64_t w, uint64_t x, bool add) {
  asm volatile(RA_GROUP_STEP("64", RA_TEN() RA_TEN(1) RA_TEN(2) "%30, %31", "%32", "%33", "%34")
               : RA_SIXTEEN(d, 0), RA_SIXTEEN(d, 16)
               : "l"(w), "l"(x), "r"(static_cast<int>(add)));
}
__device__ inline void group_step(float (&d)[64], uint64_t w, uint64_t x, bool add) {
  asm volatile(
      RA_GROUP_STEP("128", RA_TEN() RA_TEN(1) RA_TEN(2) RA_TEN(3) RA_TEN(4) RA_TEN(5) "%60, %61, %62, %63",
                    "%64", "%65", "%66")
      : RA_SIXTEEN(d, 0), RA_SIXTEEN(d, 16), RA_SIXTEEN(d, 32), RA_SIXTEEN(d, 48)
      : "l"(w), "l"(x), "r"(static_cast<int>(add)));
}
__device__ inline void group_step(float (&d)[84], uint64_t w, uint64_t x, bool add) {
  asm volatile(RA_GROUP_STEP("168",
                             RA_TEN() RA_TEN(1) RA_TEN(2) RA_TEN(3) RA_TEN(4) RA_TEN(5) RA_TEN(6)
                                 RA_TEN(7) "%80, %81, %82, %83",
                             "%84", "%85", "%86")
               : RA_SIXTEEN(d, 0), RA_SIXTEEN(d, 16), RA_SIXTEEN(d, 32), RA_SIXTEEN(d, 48), RA_SIXTEEN(d, 64),
                 RA_FOUR(d, 80)
               : "l"(w), "l"(x), "r"(static_cast<int>(add)));
}

#undef RA_TEN
#undef RA_FOUR
#undef RA_SIXTEEN
#undef RA_GROUP_STEP

// The values are read after what was waited for, not before.
template <int kValues>
__device__ inline void after_wait(float (&d)[kValues]) {
#pragma unroll
  for (int i = 0; i < kValues; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

}  // namespace ra::cuda
