// What both attention kernels share: fragments of the tensor cores' m16n8k16 step.
//
// A warp holds 16 query rows. Of a fragment of scores or of O, lane l has rows l / 4 and l / 4 + 8, and of each group of
// eight columns 2 (l mod 4) and the next. So the columns k with k mod 8 = j of a row, which t[j] of rule 12 sums, lie in one
// lane.
#pragma once

#include "kernels/cuda/bulk_copy.cuh"
#include "kernels/cuda/cache_layout.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/tensor_core.cuh"

namespace ra::cuda {

constexpr int kGroups = kTileKeys / 8;  // groups of eight keys in a tile

// Rows [count, 64) of a tile of V become zero: absent slots count as zero, whatever is there (rule 10).
template <int kDim>
__device__ inline void clear_rows(uint16_t* tile, int count, int thread, int threads) {
  auto* words = reinterpret_cast<uint4*>(tile);
  for (int i = count * (kDim / 8) + thread; i < kTileKeys * (kDim / 8); i += threads)
    words[i] = make_uint4(0, 0, 0, 0);
}

// Scores S [16, 64] of q [16][kDim + 8] with a tile of K, both in shared memory. Order: k16 steps over head_dim, ascending
// from +0. Groups from `groups` on are left alone.
template <int kDim>
__device__ inline void score_tile(const uint32_t (&q)[kDim / 16][4], const uint16_t* k, int groups, int lane,
                                  float (&s)[kGroups][4]) {
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    s[g][0] = s[g][1] = s[g][2] = s[g][3] = 0.0f;
    if (g >= groups) continue;
#pragma unroll
    for (int step = 0; step < kDim / 16; step += 2) {
      uint32_t b[4];
      load_matrices(b, k + chunk_at<kDim>(g * 8 + lane % 8, 2 * step + lane / 8));
      k16_step(s[g], q[step], b[0], b[1]);
      k16_step(s[g], q[step + 1], b[2], b[3]);
    }
  }
}

// Rows of q as step operands, from [16][kDim + 8] in shared memory.
template <int kDim>
__device__ inline void load_queries(const uint16_t* rows, int lane, uint32_t (&q)[kDim / 16][4]) {
#pragma unroll
  for (int step = 0; step < kDim / 16; ++step)
    load_matrices(q[step], rows + (lane % 8 + lane / 8 % 2 * 8) * (kDim + 8) + step * 16 + lane / 16 * 8);
}

// Scores to pairs (exponent, p) of rule 11, in place; keys from `visible` of each of the lane's two rows on are masked.
// Returns whether all visible scores are finite.
template <int kHalves>
__device__ inline bool exponents_of(float (&s)[kGroups][4], int (&e)[kGroups][4], const int (&visible)[2],
                                    float scale, int lane) {
  bool finite = true;
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
#pragma unroll
    for (int c = 0; c < 2 * kHalves; ++c) {
      const int key = g * 8 + 2 * (lane % 4) + c % 2;
      if (key < visible[c / 2]) {
        finite = finite && is_finite(s[g][c]);
        exp2_pair(fminf(fmaxf(__fmul_rn(s[g][c], scale), -kMaxScore), kMaxScore), e[g][c], s[g][c]);
      } else {
        e[g][c] = kNoKey;
        s[g][c] = 0.0f;
      }
    }
  }
  return finite;
}

// The largest exponent of each of the lane's two rows; the same in the four lanes that share them.
template <int kHalves>
__device__ inline void row_maxima(const int (&e)[kGroups][4], int (&largest)[2]) {
#pragma unroll
  for (int half = 0; half < kHalves; ++half) {
    int m = kNoKey;
#pragma unroll
    for (int g = 0; g < kGroups; ++g) m = max(m, max(e[g][2 * half], e[g][2 * half + 1]));
    m = max(m, __shfl_xor_sync(0xffffffffu, m, 1));
    largest[half] = max(m, __shfl_xor_sync(0xffffffffu, m, 2));
  }
}

// p to P = p 2^(i - m), in place, and the lane's t[j]: [row half][column parity]. Order: k ascending from +0.
template <int kHalves>
__device__ inline void weights_of(float (&s)[kGroups][4], const int (&e)[kGroups][4], const int (&m)[2],
                                  float (&t)[2][2]) {
#pragma unroll
  for (int c = 0; c < 4; ++c) t[c / 2][c % 2] = 0.0f;
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
#pragma unroll
    for (int c = 0; c < 2 * kHalves; ++c) {
      s[g][c] = __fmul_rn(s[g][c], power_of_two(e[g][c] - m[c / 2]));
      t[c / 2][c % 2] = __fadd_rn(t[c / 2][c % 2], s[g][c]);
    }
  }
}

// What 16 rows have summed of a segment: O, the lane's r[j], and the maxima of its two rows.
template <int kDim>
struct RowState {
  float o[kDim / 8][4];
  float r[2][2];
  int m[2];

  __device__ void clear() {
#pragma unroll
    for (int g = 0; g < kDim / 8; ++g) o[g][0] = o[g][1] = o[g][2] = o[g][3] = 0.0f;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      r[half][0] = r[half][1] = 0.0f;
      m[half] = kNoKey;
    }
  }
  // l = tree(r): neighbours of a lane, then of neighbouring lanes.
  __device__ float sum(int half) const {
    float l = __fadd_rn(r[half][0], r[half][1]);
    l = __fadd_rn(l, __shfl_xor_sync(0xffffffffu, l, 1));
    return __fadd_rn(l, __shfl_xor_sync(0xffffffffu, l, 2));
  }
};

// One tile of K and V, in shared memory, joins the state (rules 11, 12); the lane's rows see its first `visible` keys, none
// sees more than `most`. A row that sees none keeps its maximum and adds weights of +0, which changes nothing. With one
// half the rows from 8 on are absent, zero in q, and their part of the state stays as it is. `between` is called once K is
// used up and before V is read. Returns whether all visible scores are finite.
template <int kDim, int kHalves, class Between>
__device__ inline bool attend_tile(const uint32_t (&q)[kDim / 16][4], const uint16_t* k, const uint16_t* v,
                                   const int (&visible)[2], int most, float scale, int lane,
                                   RowState<kDim>& state, const Between& between) {
  float s[kGroups][4];
  int e[kGroups][4];
  score_tile<kDim>(q, k, (most + 7) / 8, lane, s);
  const bool finite = exponents_of<kHalves>(s, e, visible, scale, lane);
  int largest[2];
  row_maxima<kHalves>(e, largest);
  float alpha[2], sums[2][2];
#pragma unroll
  for (int half = 0; half < kHalves; ++half) {
    const int before = state.m[half];
    state.m[half] = max(before, largest[half]);
    alpha[half] = power_of_two(before - state.m[half]);
  }
  weights_of<kHalves>(s, e, state.m, sums);
#pragma unroll
  for (int c = 0; c < 2 * kHalves; ++c)
    state.r[c / 2][c % 2] = __fmaf_rn(state.r[c / 2][c % 2], alpha[c / 2], sums[c / 2][c % 2]);
#pragma unroll
  for (int g = 0; g < kDim / 8; ++g) {
#pragma unroll
    for (int c = 0; c < 2 * kHalves; ++c) state.o[g][c] = __fmul_rn(state.o[g][c], alpha[c / 2]);
  }
  between();
#pragma unroll
  for (int part = 0; part < kGroups / 2; ++part) {
    uint32_t weights[4] = {};
    weights[0] = round_pair(s[2 * part][0], s[2 * part][1]);
    weights[2] = round_pair(s[2 * part + 1][0], s[2 * part + 1][1]);
    if constexpr (kHalves == 2) {
      weights[1] = round_pair(s[2 * part][2], s[2 * part][3]);
      weights[3] = round_pair(s[2 * part + 1][2], s[2 * part + 1][3]);
    }
#pragma unroll
    for (int g = 0; g < kDim / 8; g += 2) {
      uint32_t b[4];
      load_matrices_transposed(b, v + chunk_at<kDim>(part * 16 + lane % 16, g + lane / 16));
      k16_step(state.o[g], weights, b[0], b[1]);
      k16_step(state.o[g + 1], weights, b[2], b[3]);
    }
  }
  return finite;
}

// Rule 13 for one state: l and any number of values of O.
struct MergeFactors {
  float a;
  float b;
};
__device__ inline MergeFactors merge_factors(int& m, int later) {
  const int both = max(m, later);
  const MergeFactors factors{power_of_two(m - both), power_of_two(later - both)};
  m = both;
  return factors;
}
__device__ inline float merged(float sum, float later, const MergeFactors& factors) {
  return __fmaf_rn(sum, factors.a, __fmul_rn(later, factors.b));
}

// Rule 14.
__device__ inline float output_value(float o, float rho) {
  return __fadd_rn(__fmul_rn(o, rho), 0.0f);
}

}  // namespace ra::cuda
