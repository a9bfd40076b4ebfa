#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/launch.cuh"

namespace ra::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
constexpr int kRows = kWarps * 16;  // (query, head of the group) pairs of a tile
constexpr int kStages = 2;

struct Parameters {
  const int32_t* words;
  const uint16_t* q;
  int heads;
  float scale;
  CacheView cache;
  uint16_t* x;
  int32_t* nonfinite;
};

template <int kDim>
struct Shared {
  alignas(128) uint16_t k[kStages][kTileKeys * kDim];
  alignas(128) uint16_t v[kStages][kTileKeys * kDim];
  alignas(16) uint16_t q[kRows][kDim + 8];
  uint64_t arrived[kStages];
};

// Order: rules 11 to 14. A warp holds 16 rows and walks the keys tile by tile; segments of split_keys keys are kept apart
// and merged as they end. A row without a visible key in a tile that others see goes through it with weights of +0 and an
// unchanged maximum, which changes nothing.
template <int kDim>
__global__ void __launch_bounds__(kThreads) attend_prefill_kernel(const Parameters p) {
  constexpr int kColumnGroups = kDim / 8;
  extern __shared__ __align__(128) unsigned char raw[];
  Shared<kDim>& shared = *reinterpret_cast<Shared<kDim>*>(raw);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  let_next_start();
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < kStages; ++stage) init_barrier(&shared.arrived[stage]);
    show_barriers();
  }
  __syncthreads();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  // The last tiles see the most keys: they start first.
  const PrefillTile tile = reinterpret_cast<const PrefillTile*>(
      p.words + step.prefill_tiles_at)[step.prefill_tiles - 1 - blockIdx.x];
  const int kv_head = blockIdx.y, group = p.heads / p.cache.kv_heads;
  const int rows = tile.count * group;
  const int keys = tile.position + tile.count;  // visible to the last query
  const auto query_at = [&](int row) {          // of a pair
    return p.q +
           (static_cast<int64_t>(tile.row + row / group) * p.heads + kv_head * group + row % group) * kDim;
  };

  const auto fetch = [&](int key, int stage) {
    const int count = min(kTileKeys, keys - key);
    const int page =
        p.cache.page_table[static_cast<int64_t>(tile.slot) * p.cache.pages_a_slot + key / kTileKeys];
    const uint16_t* k = k_tile(p.cache, page, kv_head);
    const uint32_t bytes = count * kDim * sizeof(uint16_t);
    expect_bytes(&shared.arrived[stage], 2 * bytes);
    copy_bulk(shared.k[stage], k, bytes, &shared.arrived[stage]);
    copy_bulk(shared.v[stage], k + kTileKeys * kDim, bytes, &shared.arrived[stage]);
  };
  const int tiles = (keys + kTileKeys - 1) / kTileKeys;
  if (threadIdx.x == 0) {
    for (int t = 0; t < min(tiles, kStages); ++t) fetch(t * kTileKeys, t);
  }
  for (int i = threadIdx.x; i < kRows * (kDim / 8); i += kThreads) {
    const int row = i / (kDim / 8), chunk = i % (kDim / 8);
    const uint4 values =
        row < rows ? reinterpret_cast<const uint4*>(query_at(row))[chunk] : make_uint4(0, 0, 0, 0);
    *reinterpret_cast<uint4*>(&shared.q[row][chunk * 8]) = values;
  }
  __syncthreads();
  uint32_t queries[kDim / 16][4];
  load_queries<kDim>(&shared.q[warp * 16][0], lane, queries);

  int seen[2];  // keys that the lane's two rows see
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = warp * 16 + lane / 4 + 8 * half;
    seen[half] = row < rows ? tile.position + row / group + 1 : 0;
  }
  const int seen_by_warp = __reduce_max_sync(0xffffffffu, max(seen[0], seen[1]));

  RowState<kDim> state;  // of the segment
  state.clear();
  float total[kColumnGroups][4];  // of those before
  int total_m[2] = {kNoKey, kNoKey};
  float total_l[2] = {};
  bool finite = true;
  int segment_end = min(keys, step.split_keys);
  for (int t = 0; t < tiles; ++t) {
    const int key = t * kTileKeys, stage = t % kStages;
    const int count = min(kTileKeys, keys - key);
    wait_barrier(&shared.arrived[stage], t / kStages % 2);
    if (count < kTileKeys) {
      clear_rows<kDim>(shared.v[stage], count, threadIdx.x, kThreads);
      __syncthreads();
    }
    if (key < seen_by_warp) {
      const int visible[2] = {seen[0] - key, seen[1] - key};
      const bool all = attend_tile<kDim, 2>(queries, shared.k[stage], shared.v[stage], visible,
                                            min(count, seen_by_warp - key), p.scale, lane, state, [] {});
      finite = finite && all;
    }
    __syncthreads();  // the stage is used up
    if (threadIdx.x == 0 && t + kStages < tiles) fetch(key + kStages * kTileKeys, stage);

    if (key + kTileKeys < segment_end && t + 1 < tiles) continue;
    const int first = segment_end <= step.split_keys ? 0 : key + kTileKeys - step.split_keys;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float l = state.sum(half);
      if (first == 0) {
        total_m[half] = state.m[half];
        total_l[half] = l;
#pragma unroll
        for (int g = 0; g < kColumnGroups; ++g) {
          total[g][2 * half] = state.o[g][2 * half];
          total[g][2 * half + 1] = state.o[g][2 * half + 1];
        }
      } else if (state.m[half] != kNoKey) {
        const MergeFactors factors = merge_factors(total_m[half], state.m[half]);
        total_l[half] = merged(total_l[half], l, factors);
#pragma unroll
        for (int g = 0; g < kColumnGroups; ++g) {
          total[g][2 * half] = merged(total[g][2 * half], state.o[g][2 * half], factors);
          total[g][2 * half + 1] = merged(total[g][2 * half + 1], state.o[g][2 * half + 1], factors);
        }
      }
    }
    state.clear();
    segment_end = min(keys, segment_end + min(step.split_keys, keys));
  }

#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = warp * 16 + lane / 4 + 8 * half;
    if (row >= rows) continue;
    const float rho = __fdiv_rn(1.0f, total_l[half]);
    uint16_t* to = p.x + (query_at(row) - p.q) + 2 * (lane % 4);
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g)
      *reinterpret_cast<uint32_t*>(to + g * 8) =
          round_pair(output_value(total[g][2 * half], rho), output_value(total[g][2 * half + 1], rho));
    if (!finite) p.nonfinite[tile.row + row / group] = 1;
  }
}

template <int kDim>
void launch_prefill(const Launch& launch, int tiles, const Parameters& parameters) {
  constexpr size_t kBytes = sizeof(Shared<kDim>);
  static const bool allowed = [] {
    allow_shared(attend_prefill_kernel<kDim>, kBytes, "attention");
    return true;
  }();
  static_cast<void>(allowed);
  launch_kernel(launch, "attention", attend_prefill_kernel<kDim>, dim3(tiles, parameters.cache.kv_heads),
                kThreads, kBytes, parameters);
}

}  // namespace

int prefill_queries(int heads, int kv_heads) {
  return kRows / (heads / kv_heads);
}

void attend_prefill(const Launch& launch, const int32_t* words, int tiles, const uint16_t* q, int heads,
                    float scale, const CacheView& cache, uint16_t* x, int32_t* nonfinite) {
  const Parameters parameters{words, q, heads, scale, cache, x, nonfinite};
  with_head_dim(cache.head_dim, [&](auto head_dim) {
    constexpr int width = decltype(head_dim)::value;
    launch_prefill<width>(launch, tiles, parameters);
  });
}

}  // namespace ra::cuda
