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

constexpr int kValues = 8;  // neighbouring ones of a lane: 16 bytes

__device__ void widen_values(const uint4& words, float (&v)[kValues]) {
  const uint32_t pairs[kValues / 2] = {words.x, words.y, words.z, words.w};
#pragma unroll
  for (int i = 0; i < kValues / 2; ++i) {
    v[2 * i] = widen_low(pairs[i]);
    v[2 * i + 1] = widen_high(pairs[i]);
  }
}

// kDim / 8 lanes a head of a row. Order: lanes of rule 6 hold one value each, as head_dim is at most 256; the tree's levels
// within a lane come first, then those between lanes. Absent lanes add +0 to a sum of squares, which changes nothing.
template <int kDim>
__global__ void __launch_bounds__(kWarps * 32) qk_norm_rope_store_kernel(const Parameters p) {
  constexpr int kLanes = kDim / kValues;
  let_next_start();
  const int r = blockIdx.x, head = (blockIdx.y * kWarps * 32 + threadIdx.x) / kLanes,
            lane = threadIdx.x % kLanes;
  const int kv_heads = p.cache.kv_heads;
  const bool is_there = head < p.heads + 2 * kv_heads;  // the others take part in the exchanges
  const bool is_v = head >= p.heads + kv_heads;
  const int first = lane * kValues;
  const uint16_t* norm = head < p.heads ? p.q_norm : p.k_norm;
  float weight[kValues];
  if (norm != nullptr) widen_values(*reinterpret_cast<const uint4*>(norm + first), weight);
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  if (r >= step.rows) return;
  uint4 words = make_uint4(0, 0, 0, 0);
  if (is_there) {
    words = *reinterpret_cast<const uint4*>(
        p.qkv + (static_cast<int64_t>(r) * (p.heads + 2 * kv_heads) + head) * kDim + first);
  }
  const int position = p.words[step.positions_at + r];
  float v[kValues];
  widen_values(words, v);

  if (norm != nullptr) {
    float square[kValues];
#pragma unroll
    for (int e = 0; e < kValues; ++e) square[e] = __fmaf_rn(v[e], v[e], 0.0f);
#pragma unroll
    for (int count = kValues; count > 1; count /= 2) {
#pragma unroll
      for (int e = 0; e < count / 2; ++e) square[e] = __fadd_rn(square[2 * e], square[2 * e + 1]);
    }
    const float sum = tree<kLanes>(square[0]);
    if (!is_v) {
      if (lane == 0 && !is_finite(sum)) p.nonfinite[r] = 1;
      const float mean = __fdiv_rn(sum, static_cast<float>(kDim));
      const float scale = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, p.eps)));
#pragma unroll
      for (int e = 0; e < kValues; ++e)
        v[e] = round_bf16(__fmul_rn(round_bf16(__fmul_rn(v[e], scale)), weight[e]));
    }
  }
  // Value j pairs with j + kDim / 2, half of the lanes further.
  float other[kValues];
#pragma unroll
  for (int e = 0; e < kValues; ++e) other[e] = __shfl_xor_sync(0xffffffffu, v[e], kLanes / 2);
  if (!is_v) {
    const float2* angles =
        reinterpret_cast<const float2*>(p.rope_table + static_cast<int64_t>(position) * kDim) +
        first % (kDim / 2);  // cos, sin
    const bool is_low = lane < kLanes / 2;
#pragma unroll
    for (int e = 0; e < kValues; ++e) {
      const float2 angle = angles[e];
      const float turned = __fmul_rn(other[e], angle.y);
      v[e] = round_bf16(__fmaf_rn(v[e], angle.x, is_low ? -turned : turned));
    }
    words = make_uint4(round_pair(v[0], v[1]), round_pair(v[2], v[3]), round_pair(v[4], v[5]),
                       round_pair(v[6], v[7]));
  }
  if (!is_there) return;

  uint16_t* to;
  if (head < p.heads) {
    to = p.q + (static_cast<int64_t>(r) * p.heads + head) * kDim + first;
  } else {
    const int slot = p.words[step.slots_at + r];
    const int page =
        p.cache.page_table[static_cast<int64_t>(slot) * p.cache.pages_a_slot + position / kTileKeys];
    const int kv_head = head - p.heads - (is_v ? kv_heads : 0);
    uint16_t* tile = k_tile(p.cache, page, kv_head) + (is_v ? kTileKeys * kDim : 0);
    to = tile + chunk_at<kDim>(position % kTileKeys, lane);
  }
  *reinterpret_cast<uint4*>(to) = words;
}

}  // namespace

void qk_norm_rope_store(const Launch& launch, const int32_t* words, int rows, int heads, const uint16_t* qkv,
                        const uint16_t* q_norm, const uint16_t* k_norm, float eps, const float* rope_table,
                        const CacheView& cache, uint16_t* q, int32_t* nonfinite) {
  const Parameters parameters{words, heads, qkv, q_norm, k_norm, eps, rope_table, cache, q, nonfinite};
  const int heads_a_block = kWarps * 32 * kValues / cache.head_dim;
  const dim3 grid(rows, (heads + 2 * cache.kv_heads + heads_a_block - 1) / heads_a_block);
  with_head_dim(cache.head_dim, [&](auto head_dim) {
    launch_kernel(launch, "qk_norm_rope_store", qk_norm_rope_store_kernel<decltype(head_dim)::value>, grid,
                  kWarps * 32, 0, parameters);
  });
}

}  // namespace ra::cuda
