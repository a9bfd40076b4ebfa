#include <algorithm>

#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/launch.cuh"

namespace ra::cuda {
namespace {

struct Parameters {
  const int32_t* words;
  const uint16_t* q;
  int heads;
  float scale;
  CacheView cache;
  AttentionPartials partials;
  uint16_t* x;
  int32_t* nonfinite;
};

// kStages tiles of K and of V, on their way or in use; and with kWhole O of a row's segments so far, each lane its values.
template <int kDim, int kStages, int kHalves, bool kWhole>
struct Shared {
  alignas(128) uint16_t k[kStages][kTileKeys * kDim];
  alignas(128) uint16_t v[kStages][kTileKeys * kDim];
  float2 total[kWhole ? kHalves * kDim / 8 : 1][32];
  uint64_t k_arrived[kStages], v_arrived[kStages];
};

// A share of keys of one row and KV head, or all of its keys: the unit of work, numbered item by item, KV head by KV head.
struct Share {
  int item, row, slot, share, shares, kv_head;
  int begin, end;  // keys

  __device__ Share(const Parameters& p, int work) {
    const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
    item = work / p.cache.kv_heads;
    kv_head = work % p.cache.kv_heads;
    const int4 words = reinterpret_cast<const int4*>(p.words + step.decode_items_at)[item];
    row = words.x;
    slot = words.y;
    const bool is_whole = words.w == kWholeRow;
    share = is_whole ? 0 : words.w;
    begin = share == 0 ? 0 : share * step.split_keys;
    end = is_whole || words.z - begin < step.split_keys ? words.z : begin + step.split_keys;
    shares = is_whole ? 1 : (words.z - 1) / step.split_keys + 1;
  }
};

// Walks the tiles of a warp's shares, one after the other; `page` is read when the cursor moves, before it is needed.
struct Cursor {
  Share share;
  int work, works, key, page;

  __device__ Cursor(const Parameters& p, int first_work, int work_count)
      : share(p, first_work), work(first_work), works(work_count), key(share.begin) {
    read_page(p);
  }
  __device__ void read_page(const Parameters& p) {
    page = p.cache.page_table[static_cast<int64_t>(share.slot) * p.cache.pages_a_slot + key / kTileKeys];
  }
  __device__ void move(const Parameters& p) {
    key += kTileKeys;
    if (key >= share.end) {
      work += gridDim.x;
      if (work >= works) return;
      share = Share(p, work);
      key = share.begin;
    }
    read_page(p);
  }
};

// Queues the copy of the cursor's tile of K or V, and moves it on.
template <int kDim>
__device__ void fetch(const Parameters& p, Cursor& at, bool of_v, uint16_t* tile, uint64_t* arrived) {
  if (at.work >= at.works) return;
  if (threadIdx.x == 0) {
    const uint32_t bytes = min(kTileKeys, at.share.end - at.key) * kDim * sizeof(uint16_t);
    expect_bytes(arrived, bytes);
    copy_bulk(tile, k_tile(p.cache, at.page, at.share.kv_head) + (of_v ? kTileKeys * kDim : 0), bytes,
              arrived);
  }
  at.move(p);
}

// The last share of a row to arrive merges them all, ascending, whichever it is. A lane has four neighbouring values.
template <int kDim>
__device__ void merge_shares(const Parameters& p, const Share& s, int group) {
  const int64_t first_item = s.item - s.share, step = static_cast<int64_t>(p.cache.kv_heads) * group;
  for (int i = threadIdx.x; i < group * (kDim / 4); i += 32) {
    const int g = i / (kDim / 4), dim = i % (kDim / 4) * 4;
    const int64_t first = (first_item * p.cache.kv_heads + s.kv_head) * group + g;
    int m = __ldcg(p.partials.m + first);
    float l = __ldcg(p.partials.l + first);
    float4 o = __ldcg(reinterpret_cast<const float4*>(p.partials.o + first * kDim + dim));
#pragma unroll 8
    for (int share = 1; share < s.shares; ++share) {
      const int64_t place = first + share * step;
      const int later_m = __ldcg(p.partials.m + place);
      const float later_l = __ldcg(p.partials.l + place);
      const float4 later = __ldcg(reinterpret_cast<const float4*>(p.partials.o + place * kDim + dim));
      const MergeFactors factors = merge_factors(m, later_m);
      l = merged(l, later_l, factors);
      o = make_float4(merged(o.x, later.x, factors), merged(o.y, later.y, factors),
                      merged(o.z, later.z, factors), merged(o.w, later.w, factors));
    }
    const float rho = __fdiv_rn(1.0f, l);
    uint16_t* to = p.x + (static_cast<int64_t>(s.row) * p.heads + s.kv_head * group + g) * kDim + dim;
    *reinterpret_cast<uint2*>(to) = make_uint2(round_pair(output_value(o.x, rho), output_value(o.y, rho)),
                                               round_pair(output_value(o.z, rho), output_value(o.w, rho)));
  }
}

// Rule 13 where one warp has all segments of a row: the state joins those before it in `total`, m and l. The first one is
// copied.
template <int kDim, int kHalves, class Total>
__device__ void join_segment(const RowState<kDim>& state, bool is_first, Total& total, int (&m)[2],
                             float (&l)[2]) {
#pragma unroll
  for (int half = 0; half < kHalves; ++half) {
    const float segment_l = state.sum(half);
    if (is_first) m[half] = state.m[half];
    const MergeFactors factors = merge_factors(m[half], state.m[half]);
    l[half] = is_first ? segment_l : merged(l[half], segment_l, factors);
#pragma unroll
    for (int g = 0; g < kDim / 8; ++g) {
      float2& o = total[half * (kDim / 8) + g][threadIdx.x];
      const float2 later = make_float2(state.o[g][2 * half], state.o[g][2 * half + 1]);
      o = is_first ? later : make_float2(merged(o.x, later.x, factors), merged(o.y, later.y, factors));
    }
  }
}

// The group's query heads as step operands; the rest of the 16 rows is zero.
template <int kDim>
__device__ void read_queries(const Parameters& p, const Share& s, int group, uint32_t (&q)[kDim / 16][4]) {
  const int lane = threadIdx.x;
  const uint16_t* rows =
      p.q + (static_cast<int64_t>(s.row) * p.heads + s.kv_head * group) * kDim + 2 * (lane % 4);
#pragma unroll
  for (int step = 0; step < kDim / 16; ++step) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i % 2 * 8;
      q[step][i] =
          row < group ? *reinterpret_cast<const uint32_t*>(rows + row * kDim + step * 16 + i / 2 * 8) : 0;
    }
  }
}

// What the share leaves: the row's output, or its state for the merge.
template <int kDim, int kHalves>
__device__ void write_share(const Parameters& p, const Share& s, int group, const RowState<kDim>& state,
                            const float (&l)[2]) {
  const int lane = threadIdx.x;
  const int64_t place = (static_cast<int64_t>(s.item) * p.cache.kv_heads + s.kv_head) * group;
#pragma unroll
  for (int half = 0; half < kHalves; ++half) {
    const int row = lane / 4 + 8 * half;
    if (row >= group) continue;
    const float rho = __fdiv_rn(1.0f, l[half]);
#pragma unroll
    for (int g = 0; g < kDim / 8; ++g) {
      const int dim = g * 8 + 2 * (lane % 4);
      if (s.shares == 1) {
        uint16_t* to = p.x + (static_cast<int64_t>(s.row) * p.heads + s.kv_head * group + row) * kDim + dim;
        *reinterpret_cast<uint32_t*>(to) =
            round_pair(output_value(state.o[g][2 * half], rho), output_value(state.o[g][2 * half + 1], rho));
      } else {
        *reinterpret_cast<float2*>(p.partials.o + (place + row) * kDim + dim) =
            make_float2(state.o[g][2 * half], state.o[g][2 * half + 1]);
      }
    }
    if (s.shares > 1 && lane % 4 == 0) {
      p.partials.m[place + row] = state.m[half];
      p.partials.l[place + row] = l[half];
    }
  }
  if (s.shares == 1) return;
  __threadfence();
  __syncwarp();
  int last = 0;
  if (lane == 0) {
    int32_t* arrived = p.partials.arrived + static_cast<int64_t>(s.row) * p.cache.kv_heads + s.kv_head;
    last = atomicAdd(arrived, 1) == s.shares - 1;
    if (last) *arrived = 0;
  }
  if (!__shfl_sync(0xffffffffu, last, 0)) return;
  __threadfence();
  merge_shares<kDim>(p, s, group);
}

// A block is one warp, so that nothing waits but for its own tiles; as many as fit fill a multiprocessor. With kHalves 1 the
// group has at most eight heads. Order: rules 11 to 14 over shares of keys, tile by tile.
template <int kDim, int kStages, int kHalves, bool kWhole>
__global__ void __launch_bounds__(32) attend_decode_kernel(const Parameters p) {
  extern __shared__ __align__(128) unsigned char raw[];
  auto& shared = *reinterpret_cast<Shared<kDim, kStages, kHalves, kWhole>*>(raw);
  const int lane = threadIdx.x;
  let_next_start();
  if (lane == 0) {
    for (int stage = 0; stage < kStages; ++stage) {
      init_barrier(&shared.k_arrived[stage]);
      init_barrier(&shared.v_arrived[stage]);
    }
    show_barriers();
  }
  __syncwarp();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  const int works = step.decode_items * p.cache.kv_heads, group = p.heads / p.cache.kv_heads;
  if (static_cast<int>(blockIdx.x) >= works) return;
  Cursor next_k(p, blockIdx.x, works), next_v = next_k;
  for (int stage = 0; stage < kStages; ++stage) {
    fetch<kDim>(p, next_k, false, shared.k[stage], &shared.k_arrived[stage]);
    fetch<kDim>(p, next_v, true, shared.v[stage], &shared.v_arrived[stage]);
  }

  int stage = 0;
  uint32_t parity = 0;
  for (int work = blockIdx.x; work < works; work += gridDim.x) {
    const Share now(p, work);
    uint32_t queries[kDim / 16][4];
    read_queries<kDim>(p, now, group, queries);
    RowState<kDim> state;
    bool finite = true;
    int m[2];
    float l[2];
    for (int key = now.begin; key < now.end;) {
      const bool is_first = key == now.begin;
      const int segment_end = now.end - key > step.split_keys ? key + step.split_keys : now.end;
      state.clear();
      for (; key < segment_end; key += kTileKeys) {
        const int most = min(kTileKeys, segment_end - key);
        wait_barrier(&shared.k_arrived[stage], parity);
        const int visible[2] = {most, most};
        const bool all = attend_tile<kDim, kHalves>(
            queries, shared.k[stage], shared.v[stage], visible, most, p.scale, lane, state, [&] {
              __syncwarp();  // K is used up
              fetch<kDim>(p, next_k, false, shared.k[stage], &shared.k_arrived[stage]);
              wait_barrier(&shared.v_arrived[stage], parity);
              if (most < kTileKeys) {
                clear_rows<kDim>(shared.v[stage], most, lane, 32);
                before_bulk_copies();
                __syncwarp();
              }
            });
        finite = finite && all;
        __syncwarp();  // V is used up
        fetch<kDim>(p, next_v, true, shared.v[stage], &shared.v_arrived[stage]);
        if (++stage == kStages) {
          stage = 0;
          parity ^= 1;
        }
      }
      if (kWhole && !(is_first && key >= now.end))
        join_segment<kDim, kHalves>(state, is_first, shared.total, m, l);
    }
    if (kWhole && now.end - now.begin > step.split_keys) {
#pragma unroll
      for (int i = 0; i < kHalves * kDim / 8; ++i) {
        const int half = i / (kDim / 8), g = i % (kDim / 8);
        state.o[g][2 * half] = shared.total[i][lane].x;
        state.o[g][2 * half + 1] = shared.total[i][lane].y;
      }
    } else {
#pragma unroll
      for (int half = 0; half < kHalves; ++half) l[half] = state.sum(half);
    }
    if (!finite) p.nonfinite[now.row] = 1;
    write_share<kDim, kHalves>(p, now, group, state, l);
  }
}

template <int kDim, int kStages, int kHalves, bool kWhole>
void launch_decode(const Launch& launch, const Parameters& parameters) {
  constexpr size_t kBytes = sizeof(Shared<kDim, kStages, kHalves, kWhole>);
  const auto kernel = attend_decode_kernel<kDim, kStages, kHalves, kWhole>;
  static const int blocks = [&] {
    allow_shared(kernel, kBytes, "attention");
    int count = 0;
    cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, kernel, 32, kBytes), "attention");
    return count;
  }();
  launch_kernel(launch, "attention", kernel, dim3(blocks * launch.multiprocessors), 32, kBytes, parameters);
}

// Where there is less work than multiprocessors, most of a segment is on its way at once; else more warps hide each
// other's waiting better than one warp's copies do, and some have whole rows.
template <int kDim>
void choose_decode(const Launch& launch, int rows, const Parameters& parameters) {
  const bool one_half = parameters.heads / parameters.cache.kv_heads <= 8;
  if (decode_share_limit(rows, rows, parameters.cache.kv_heads, launch.multiprocessors) == 0) {
    one_half ? launch_decode<kDim, 3, 1, false>(launch, parameters)
             : launch_decode<kDim, 3, 2, false>(launch, parameters);
  } else {
    one_half ? launch_decode<kDim, 1, 1, true>(launch, parameters)
             : launch_decode<kDim, 1, 2, true>(launch, parameters);
  }
}

}  // namespace

int decode_share_limit(int rows, int64_t shares, int kv_heads, int multiprocessors) {
  constexpr int kBusyWarps = 3;  // of a multiprocessor: so many reach nearly all of the memory's rate
  if (static_cast<int64_t>(rows) * kv_heads <= multiprocessors) return 0;
  return static_cast<int>(std::max<int64_t>(1, shares * kv_heads / (kBusyWarps * multiprocessors)));
}

void attend_decode(const Launch& launch, const int32_t* words, int rows, const uint16_t* q, int heads,
                   float scale, const CacheView& cache, const AttentionPartials& partials, uint16_t* x,
                   int32_t* nonfinite) {
  const Parameters parameters{words, q, heads, scale, cache, partials, x, nonfinite};
  with_head_dim(cache.head_dim, [&](auto head_dim) {
    constexpr int width = decltype(head_dim)::value;
    choose_decode<width>(launch, rows, parameters);
  });
}

}  // namespace ra::cuda
