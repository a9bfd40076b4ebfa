#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/launch.cuh"

namespace ra::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
constexpr int kTiles = kWarps;  // tiles of a block of keys: a warp scores one
constexpr int kBlockKeys = kTiles * kTileKeys;
constexpr int kRows = kMaxGroup;  // query heads, padded to the rows of a step

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
  alignas(128) uint16_t k[kTiles][kTileKeys * kDim];
  alignas(128) uint16_t v[kTiles][kTileKeys * kDim];
  alignas(16) uint16_t q[kRows][kDim + 8];
  alignas(16) uint16_t p[kRows][kBlockKeys + 8];
  float t[kTiles][kRows][8];
  float alpha[kTiles][kRows];
  int largest[kTiles][kRows];
  float l[kRows];
  uint64_t k_arrived, v_arrived;
  int last;
};

// A share of keys of one row and KV head: the unit of work.
struct Share {
  int row, slot, item, share, shares, kv_head;
  int begin, end;  // keys
};

__device__ Share share_at(const Parameters& p, int work) {
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  Share s;
  s.item = work / p.cache.kv_heads;
  s.kv_head = work % p.cache.kv_heads;
  const DecodeItem item = reinterpret_cast<const DecodeItem*>(p.words + step.decode_items_at)[s.item];
  s.row = item.row;
  s.share = item.share;
  s.slot = p.words[step.slots_at + s.row];
  const int keys = p.words[step.positions_at + s.row] + 1;
  s.begin = s.share == 0 ? 0 : s.share * step.split_keys;
  s.end = keys - s.begin < step.split_keys ? keys : s.begin + step.split_keys;
  s.shares = (keys - 1) / step.split_keys + 1;
  return s;
}

// Queues the copies of K or V of the block's visible keys; called by a whole warp.
template <int kDim>
__device__ void fetch(const Parameters& p, const Share& s, int first, bool of_v,
                      uint16_t (*tiles)[kTileKeys * kDim], uint64_t* arrived) {
  const int lane = threadIdx.x % 32, visible = min(kBlockKeys, s.end - first);
  if (lane == 0) expect_bytes(arrived, visible * kDim * sizeof(uint16_t));
  __syncwarp();
  const int count = min(kTileKeys, visible - lane * kTileKeys);
  if (lane >= kTiles || count <= 0) return;
  const int page =
      p.cache.page_table[static_cast<int64_t>(s.slot) * p.cache.pages_a_slot + first / kTileKeys + lane];
  const uint16_t* tile = k_tile(p.cache, page, s.kv_head) + (of_v ? kTileKeys * kDim : 0);
  copy_bulk(tiles[lane], tile, count * kDim * sizeof(uint16_t), arrived);
}

// The last share of a row to arrive merges them all, ascending, whichever it is.
template <int kDim>
__device__ void merge_shares(const Parameters& p, const Share& s, int group) {
  const int first_item = s.item - s.share, kv_heads = p.cache.kv_heads;
  for (int i = threadIdx.x; i < group * kDim; i += kThreads) {
    const int g = i / kDim, dim = i % kDim;
    int m = 0;
    float l = 0, o = 0;
    for (int share = 0; share < s.shares; ++share) {
      const int64_t place = (static_cast<int64_t>(first_item + share) * kv_heads + s.kv_head) * group + g;
      const int later_m = __ldcg(p.partials.m + place);
      const float later_l = __ldcg(p.partials.l + place), later_o = __ldcg(p.partials.o + place * kDim + dim);
      if (share == 0) {
        m = later_m;
        l = later_l;
        o = later_o;
        continue;
      }
      const MergeFactors factors = merge_factors(m, later_m);
      l = merged(l, later_l, factors);
      o = merged(o, later_o, factors);
    }
    const float value = output_value(o, __fdiv_rn(1.0f, l));
    p.x[(static_cast<int64_t>(s.row) * p.heads + s.kv_head * group + g) * kDim + dim] = round_bits(value);
  }
}

// Order: rules 11 to 14. A block of keys is four tiles: warp w scores tile w, then all four warps share the columns of O,
// each going through the tiles in their order.
template <int kDim>
__global__ void __launch_bounds__(kThreads) attend_decode_kernel(const Parameters p) {
  constexpr int kStripe = kDim / kWarps;  // columns of O of a warp
  constexpr int kColumnGroups = kStripe / 8;
  extern __shared__ __align__(128) unsigned char raw[];
  Shared<kDim>& shared = *reinterpret_cast<Shared<kDim>*>(raw);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  let_next_start();
  if (threadIdx.x == 0) {
    init_barrier(&shared.k_arrived);
    init_barrier(&shared.v_arrived);
    show_barriers();
  }
  __syncthreads();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(p.words);
  const int works = step.decode_items * p.cache.kv_heads, group = p.heads / p.cache.kv_heads;
  int work = blockIdx.x;
  if (work >= works) return;
  Share now = share_at(p, work);
  if (warp == 0) {
    fetch<kDim>(p, now, now.begin, false, shared.k, &shared.k_arrived);
    fetch<kDim>(p, now, now.begin, true, shared.v, &shared.v_arrived);
  }
  uint32_t parity = 0;
  for (; work < works; work += gridDim.x) {
    // Query heads of the group, the rest of the 16 rows zero.
    const uint16_t* q = p.q + (static_cast<int64_t>(now.row) * p.heads + now.kv_head * group) * kDim;
    for (int i = threadIdx.x; i < kRows * (kDim / 8); i += kThreads) {
      const int g = i / (kDim / 8), chunk = i % (kDim / 8);
      const uint4 values =
          g < group ? reinterpret_cast<const uint4*>(q)[g * (kDim / 8) + chunk] : make_uint4(0, 0, 0, 0);
      *reinterpret_cast<uint4*>(&shared.q[g][chunk * 8]) = values;
    }
    __syncthreads();
    uint32_t queries[kDim / 16][4];
    load_queries<kDim>(&shared.q[0][0], lane, queries);
    Share next = now;
    const bool more_work = work + static_cast<int>(gridDim.x) < works;
    if (more_work) next = share_at(p, work + gridDim.x);

    float o[kColumnGroups][4] = {};
    float r = 0;                  // of (row, j) = (thread / 8, thread % 8)
    int m[2] = {kNoKey, kNoKey};  // of the lane's two rows
    bool finite = true;
    for (int first = now.begin; first < now.end; first += kBlockKeys) {
      const bool more_keys = first + kBlockKeys < now.end;
      const int visible_keys = min(kBlockKeys, now.end - first);
      const int tiles = (visible_keys + kTileKeys - 1) / kTileKeys;
      const int mine = max(0, min(kTileKeys, visible_keys - warp * kTileKeys));
      wait_barrier(&shared.k_arrived, parity);
      float s[kGroups][4];
      int e[kGroups][4];
      score_tile<kDim>(queries, shared.k[warp], (mine + 7) / 8, lane, s);
      const int visible[2] = {mine, mine};
      finite = exponents_of(s, e, visible, p.scale, lane) && finite;
      int largest[2];
      row_maxima(e, largest);
      if (lane % 4 == 0) {
        shared.largest[warp][lane / 4] = largest[0];
        shared.largest[warp][lane / 4 + 8] = largest[1];
      }
      __syncthreads();  // K is used up, the maxima are known
      if (warp == 0) {
        if (more_keys) {
          fetch<kDim>(p, now, first + kBlockKeys, false, shared.k, &shared.k_arrived);
        } else if (more_work) {
          fetch<kDim>(p, next, next.begin, false, shared.k, &shared.k_arrived);
        }
      }
      int after[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = lane / 4 + 8 * half;
        int before = m[half];
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile) {
          const int joined = max(m[half], shared.largest[tile][row]);
          if (tile < warp) before = joined;
          if (tile == warp) after[half] = joined;
          m[half] = joined;
        }
        if (lane % 4 == 0) shared.alpha[warp][row] = power_of_two(before - after[half]);
      }
      float t[2][2];
      weights_of(s, e, after, t);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = lane / 4 + 8 * half;
        shared.t[warp][row][2 * (lane % 4)] = t[half][0];
        shared.t[warp][row][2 * (lane % 4) + 1] = t[half][1];
#pragma unroll
        for (int g = 0; g < kGroups; ++g)
          *reinterpret_cast<uint32_t*>(&shared.p[row][warp * kTileKeys + g * 8 + 2 * (lane % 4)]) =
              round_pair(s[g][2 * half], s[g][2 * half + 1]);
      }
      wait_barrier(&shared.v_arrived, parity);
      if (visible_keys % kTileKeys != 0) {
        clear_rows<kDim>(shared.v[tiles - 1], visible_keys % kTileKeys, threadIdx.x, kThreads);
        before_bulk_copies();
      }
      __syncthreads();  // P, alpha and t are there
      for (int tile = 0; tile < tiles; ++tile) {
        r = __fmaf_rn(r, shared.alpha[tile][threadIdx.x / 8],
                      shared.t[tile][threadIdx.x / 8][threadIdx.x % 8]);
        const float alpha[2] = {shared.alpha[tile][lane / 4], shared.alpha[tile][lane / 4 + 8]};
#pragma unroll
        for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
          for (int c = 0; c < 4; ++c) o[g][c] = __fmul_rn(o[g][c], alpha[c / 2]);
        }
#pragma unroll
        for (int keys = 0; keys < kTileKeys; keys += 16) {
          uint32_t weights[4];
          load_matrices(weights, &shared.p[lane % 16][tile * kTileKeys + keys + lane / 16 * 8]);
          const int row = keys + lane % 16, chunk = warp * kColumnGroups;
          if constexpr (kColumnGroups == 1) {
            uint32_t b[2];
            load_two_matrices_transposed(b, shared.v[tile] + chunk_at<kDim>(row, chunk));
            k16_step(o[0], weights, b[0], b[1]);
          } else {
#pragma unroll
            for (int g = 0; g < kColumnGroups; g += 2) {
              uint32_t b[4];
              load_matrices_transposed(b, shared.v[tile] + chunk_at<kDim>(row, chunk + g + lane / 16));
              k16_step(o[g], weights, b[0], b[1]);
              k16_step(o[g + 1], weights, b[2], b[3]);
            }
          }
        }
      }
      __syncthreads();  // V, P, alpha and t are used up
      if (warp == 0) {
        if (more_keys) {
          fetch<kDim>(p, now, first + kBlockKeys, true, shared.v, &shared.v_arrived);
        } else if (more_work) {
          fetch<kDim>(p, next, next.begin, true, shared.v, &shared.v_arrived);
        }
      }
      parity ^= 1;
    }

    // l = tree(r)
    r = __fadd_rn(r, __shfl_xor_sync(0xffffffffu, r, 1));
    r = __fadd_rn(r, __shfl_xor_sync(0xffffffffu, r, 2));
    r = __fadd_rn(r, __shfl_xor_sync(0xffffffffu, r, 4));
    if (threadIdx.x % 8 == 0) shared.l[threadIdx.x / 8] = r;
    if (!finite) p.nonfinite[now.row] = 1;
    __syncthreads();
    const int64_t place = (static_cast<int64_t>(now.item) * p.cache.kv_heads + now.kv_head) * group;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = lane / 4 + 8 * half;
      if (row >= group) continue;
      const float rho = __fdiv_rn(1.0f, shared.l[row]);
#pragma unroll
      for (int g = 0; g < kColumnGroups; ++g) {
        const int dim = warp * kStripe + g * 8 + 2 * (lane % 4);
        if (now.shares == 1) {
          uint16_t* to =
              p.x + (static_cast<int64_t>(now.row) * p.heads + now.kv_head * group + row) * kDim + dim;
          *reinterpret_cast<uint32_t*>(to) =
              round_pair(output_value(o[g][2 * half], rho), output_value(o[g][2 * half + 1], rho));
        } else {
          *reinterpret_cast<float2*>(p.partials.o + (place + row) * kDim + dim) =
              make_float2(o[g][2 * half], o[g][2 * half + 1]);
        }
      }
      if (now.shares > 1 && warp == 0 && lane % 4 == 0) {
        p.partials.m[place + row] = m[half];
        p.partials.l[place + row] = shared.l[row];
      }
    }
    if (now.shares > 1) {
      __threadfence();
      __syncthreads();
      int32_t* arrived = p.partials.arrived + static_cast<int64_t>(now.row) * p.cache.kv_heads + now.kv_head;
      if (threadIdx.x == 0) {
        shared.last = atomicAdd(arrived, 1) == now.shares - 1;
        if (shared.last) *arrived = 0;
      }
      __syncthreads();
      if (shared.last) {
        __threadfence();
        merge_shares<kDim>(p, now, group);
      }
    }
    now = next;
  }
}

template <int kDim>
void launch_decode(const Launch& launch, const Parameters& parameters) {
  constexpr size_t kBytes = sizeof(Shared<kDim>);
  static const int blocks = [] {
    allow_shared(attend_decode_kernel<kDim>, kBytes, "attention");
    int count = 0;
    cuda_check(
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, attend_decode_kernel<kDim>, kThreads, kBytes),
        "attention");
    return count;
  }();
  launch_kernel(launch, "attention", attend_decode_kernel<kDim>, dim3(blocks * launch.multiprocessors),
                kThreads, kBytes, parameters);
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
