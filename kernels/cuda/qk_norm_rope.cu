#include "kernels/cuda/cache_layout.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"

namespace ra::cuda {
namespace {

constexpr int kWarps = 8;

struct Parameters {
  const int32_t* words;
  int heads;
  const uint16_t* qkv;
  const uint16_t* q_norm;
  const uint16_t* k_norm;
  float eps;
  const float* rope_table;
  CacheView cache;
  uint16_t* q;
  int32_t* nonfinite;
};

// Neighbouring bf16 values of a lane at once.
__device__ void read_values(const uint16_t* from, float (&v)[1]) {
  v[0] = widen(*from);
}
__device__ void read_values(const uint16_t* from, float (&v)[2]) {
  const uint32_t pair = *reinterpret_cast<const uint32_t*>(from);
  v[0] = widen_low(pair);
  v[1] = widen_high(pair);
}
__device__ void read_values(const uint16_t* from, float (&v)[4]) {
  const uint2 pairs = *reinterpret_cast<const uint2*>(from);
  v[0] = widen_low(pairs.x);
  v[1] = widen_high(pairs.x);
  v[2] = widen_low(pairs.y);
  v[3] = widen_high(pairs.y);
}
__device__ void write_values(const float (&v)[1], uint16_t* to) {
  *to = round_bits(v[0]);
}
__device__ void write_values(const float (&v)[2], uint16_t* to) {
  *reinterpret_cast<uint32_t*>(to) = round_pair(v[0], v[1]);
}
__device__ void write_values(const float (&v)[4], uint16_t* to) {
  *reinterpret_cast<uint2*>(to) = make_uint2(round_pair(v[0], v[1]), round_pair(v[2], v[3]));
}

// One warp a head of a row; a lane owns kDim / 32 neighbouring values. Order: lanes of rule 6 hold one value each, as
// head_dim is at most 256; the tree's levels within a lane come first, then those between lanes. Absent lanes add +0 to a
// sum of squares, which changes nothing.
template <int kDim>
__global__ void __launch_bounds__(kWarps * 32) qk_norm_rope_store_kernel(const Parameters p) {
  constexpr int kValues = kDim / 32;
  let_next_start();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  const int r = blockIdx.x, head = blockIdx.y * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  const int kv_heads = p.cache.kv_heads;
  if (r >= step.rows || head >= p.heads + 2 * kv_heads) return;
  const int first = lane * kValues;
  const uint16_t* from = p.qkv + (static_cast<int64_t>(r) * (p.heads + 2 * kv_heads) + head) * kDim + first;
  float v[kValues];
  read_values(from, v);
  const int position = p.words[step.positions_at + r];

  if (head < p.heads + kv_heads) {
    const uint16_t* norm = head < p.heads ? p.q_norm : p.k_norm;
    if (norm != nullptr) {
      float square[kValues];
#pragma unroll
      for (int e = 0; e < kValues; ++e) square[e] = __fmaf_rn(v[e], v[e], 0.0f);
#pragma unroll
      for (int count = kValues; count > 1; count /= 2) {
#pragma unroll
        for (int e = 0; e < count / 2; ++e) square[e] = __fadd_rn(square[2 * e], square[2 * e + 1]);
      }
      const float sum = tree<32>(square[0]);
      if (lane == 0 && !is_finite(sum)) p.nonfinite[r] = 1;
      const float mean = __fdiv_rn(sum, static_cast<float>(kDim));
      const float scale = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, p.eps)));
#pragma unroll
      for (int e = 0; e < kValues; ++e)
        v[e] = round_bf16(__fmul_rn(round_bf16(__fmul_rn(v[e], scale)), widen(norm[first + e])));
    }
    // Value j pairs with j + kDim / 2, which lane ^ 16 holds.
    const float* row = p.rope_table + static_cast<int64_t>(position) * kDim;
    const bool low = lane < 16;
#pragma unroll
    for (int e = 0; e < kValues; ++e) {
      const float other = __shfl_xor_sync(0xffffffffu, v[e], 16);
      const int j = (first + e) % (kDim / 2);
      const float c = row[2 * j], s = row[2 * j + 1];
      const float turned = __fmul_rn(other, s);
      v[e] = round_bf16(__fmaf_rn(v[e], c, low ? -turned : turned));
    }
  }

  uint16_t* to;
  if (head < p.heads) {
    to = p.q + (static_cast<int64_t>(r) * p.heads + head) * kDim + first;
  } else {
    const int slot = p.words[step.slots_at + r];
    const int page =
        p.cache.page_table[static_cast<int64_t>(slot) * p.cache.pages_a_slot + position / kTileKeys];
    const bool is_v = head >= p.heads + kv_heads;
    const int kv_head = head - p.heads - (is_v ? kv_heads : 0);
    uint16_t* tile = k_tile(p.cache, page, kv_head) + (is_v ? kTileKeys * kDim : 0);
    to = tile + chunk_at<kDim>(position % kTileKeys, first / 8) + first % 8;
  }
  write_values(v, to);
}

}  // namespace

void qk_norm_rope_store(const Launch& launch, const int32_t* words, int rows, int heads, const uint16_t* qkv,
                        const uint16_t* q_norm, const uint16_t* k_norm, float eps, const float* rope_table,
                        const CacheView& cache, uint16_t* q, int32_t* nonfinite) {
  const Parameters parameters{words, heads, qkv, q_norm, k_norm, eps, rope_table, cache, q, nonfinite};
  const dim3 grid(rows, (heads + 2 * cache.kv_heads + kWarps - 1) / kWarps);
  with_head_dim(cache.head_dim, [&](auto head_dim) {
    launch_kernel(launch, "qk_norm_rope_store", qk_norm_rope_store_kernel<decltype(head_dim)::value>, grid,
                  kWarps * 32, 0, parameters);
  });
}

}  // namespace ra::cuda
