#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/launch.cuh"

namespace ra::cuda {
namespace {

constexpr int kStages = 2;  // tiles of K and V on their way or in use

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

template <int kDim>
struct Shared {
  alignas(128) uint16_t k[kStages][kTileKeys * kDim];
  alignas(128) uint16_t v[kStages][kTileKeys * kDim];
  uint64_t arrived[kStages];
};

// A share of keys of one row and KV head: the unit of work, numbered item by item, KV head by KV head.
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
    share = words.w;
    begin = share == 0 ? 0 : share * step.split_keys;
    end = words.z - begin < step.split_keys ? words.z : begin + step.split_keys;
    shares = (words.z - 1) / step.split_keys + 1;
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

// Queues the copies of the cursor's tile, and moves it on.
template <int kDim>
__device__ void fetch(const Parameters& p, Cursor& at, Shared<kDim>& shared, int stage) {
  if (at.work >= at.works) return;
  if (threadIdx.x == 0) {
    const uint32_t bytes = min(kTileKeys, at.share.end - at.key) * kDim * sizeof(uint16_t);
    const uint16_t* k = k_tile(p.cache, at.page, at.share.kv_head);
    expect_bytes(&shared.arrived[stage], 2 * bytes);
    copy_bulk(shared.k[stage], k, bytes, &shared.arrived[stage]);
    copy_bulk(shared.v[stage], k + kTileKeys * kDim, bytes, &shared.arrived[stage]);
  }
  at.move(p);
}

// The last share of a row to arrive merges them all, ascending, whichever it is.
template <int kDim>
__device__ void merge_shares(const Parameters& p, const Share& s, int group) {
  const int64_t first_item = s.item - s.share, step = static_cast<int64_t>(p.cache.kv_heads) * group;
  for (int i = threadIdx.x; i < group * kDim; i += 32) {
    const int g = i / kDim, dim = i % kDim;
    int64_t place = (first_item * p.cache.kv_heads + s.kv_head) * group + g;
    int m = __ldcg(p.partials.m + place);
    float l = __ldcg(p.partials.l + place), o = __ldcg(p.partials.o + place * kDim + dim);
    for (int share = 1; share < s.shares; ++share) {
      place += step;
      const MergeFactors factors = merge_factors(m, __ldcg(p.partials.m + place));
      l = merged(l, __ldcg(p.partials.l + place), factors);
      o = merged(o, __ldcg(p.partials.o + place * kDim + dim), factors);
    }
    const float value = output_value(o, __fdiv_rn(1.0f, l));
    p.x[(static_cast<int64_t>(s.row) * p.heads + s.kv_head * group + g) * kDim + dim] = round_bits(value);
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
template <int kDim>
__device__ void write_share(const Parameters& p, const Share& s, int group, const RowState<kDim>& state) {
  const int lane = threadIdx.x;
  const int64_t place = (static_cast<int64_t>(s.item) * p.cache.kv_heads + s.kv_head) * group;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float l = state.sum(half);
    const int row = lane / 4 + 8 * half;
    if (row >= group) continue;
    const float rho = __fdiv_rn(1.0f, l);
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
      p.partials.l[place + row] = l;
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

// A block is one warp, so that nothing waits but for its own tiles; as many as fit fill a multiprocessor.
// Order: rules 11 to 14 over shares of keys, tile by tile.
template <int kDim>
__global__ void __launch_bounds__(32) attend_decode_kernel(const Parameters p) {
  extern __shared__ __align__(128) unsigned char raw[];
  Shared<kDim>& shared = *reinterpret_cast<Shared<kDim>*>(raw);
  const int lane = threadIdx.x;
  let_next_start();
  if (lane == 0) {
    for (int stage = 0; stage < kStages; ++stage) init_barrier(&shared.arrived[stage]);
    show_barriers();
  }
  __syncwarp();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  const int works = step.decode_items * p.cache.kv_heads, group = p.heads / p.cache.kv_heads;
  if (static_cast<int>(blockIdx.x) >= works) return;
  Cursor ahead(p, blockIdx.x, works);
  for (int stage = 0; stage < kStages; ++stage) fetch<kDim>(p, ahead, shared, stage);

  int count = 0;  // tiles so far
  for (int work = blockIdx.x; work < works; work += gridDim.x) {
    const Share now(p, work);
    uint32_t queries[kDim / 16][4];
    read_queries<kDim>(p, now, group, queries);
    RowState<kDim> state;
    state.clear();
    bool finite = true;
    for (int key = now.begin; key < now.end; key += kTileKeys, ++count) {
      const int stage = count % kStages, most = min(kTileKeys, now.end - key);
      wait_barrier(&shared.arrived[stage], count / kStages % 2);
      if (most < kTileKeys) {
        clear_rows<kDim>(shared.v[stage], most, lane, 32);
        before_bulk_copies();
        __syncwarp();
      }
      const int visible[2] = {most, most};
      const bool all =
          attend_tile<kDim>(queries, shared.k[stage], shared.v[stage], visible, most, p.scale, lane, state);
      finite = finite && all;
      __syncwarp();  // the stage is used up
      fetch<kDim>(p, ahead, shared, stage);
    }
    // Rows beyond the group are zero, and so are their scores.
    if (!finite) p.nonfinite[now.row] = 1;
    write_share<kDim>(p, now, group, state);
  }
}

template <int kDim>
void launch_decode(const Launch& launch, const Parameters& parameters) {
  constexpr size_t kBytes = sizeof(Shared<kDim>);
  static const int blocks = [] {
    allow_shared(attend_decode_kernel<kDim>, kBytes, "attention");
    int count = 0;
    cuda_check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, attend_decode_kernel<kDim>, 32, kBytes),
               "attention");
    return count;
  }();
  launch_kernel(launch, "attention", attend_decode_kernel<kDim>, dim3(blocks * launch.multiprocessors), 32,
                kBytes, parameters);
}

}  // namespace

void attend_decode(const Launch& launch, const int32_t* words, const uint16_t* q, int heads, float scale,
                   const CacheView& cache, const AttentionPartials& partials, uint16_t* x,
                   int32_t* nonfinite) {
  const Parameters parameters{words, q, heads, scale, cache, partials, x, nonfinite};
  switch (cache.head_dim) {
    case 32:
      return launch_decode<32>(launch, parameters);
    case 64:
      return launch_decode<64>(launch, parameters);
    default:
      return launch_decode<128>(launch, parameters);
  }
}

}  // namespace ra::cuda
