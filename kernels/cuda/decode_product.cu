#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/products.h"

namespace ra::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kWarpRows = 16;     // outputs of a warp's tile
constexpr int kStageValues = 64;  // k of a stage: 128 bytes a row
constexpr int kRowBytes = kStageValues * sizeof(uint16_t);
constexpr int kRingBytes = 48 << 10;  // of a warp; with four warps most of a multiprocessor's shared memory

template <int kColumnGroups>
struct Ring {
  static constexpr int kXRows = 8 * kColumnGroups;
  static constexpr int kStageBytes = (kWarpRows + kXRows) * kRowBytes;
  static constexpr int kStages = kRingBytes / kStageBytes;
};

// Place of chunk `chunk` (16 bytes) of row `row` in a stage: eight rows' equal chunks lie in different banks.
__device__ inline int stage_at(int row, int chunk) {
  return row * kRowBytes + ((chunk ^ (row & 7)) << 4);
}

__device__ inline void copy_chunk(void* to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(there ? 16 : 0)
               : "memory");
}

__device__ inline void prefetch_row(const void* from, uint32_t bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
}

// [n, k], [m, k] -> [m, n] for m <= 8 kColumnGroups. A warp owns 16 outputs and walks all of k, through a ring of stages
// of its own that is refilled without a pause from one tile of outputs to the next. Order: k16 steps, ascending from +0.
template <int kColumnGroups>
__global__ void __launch_bounds__(kWarps * 32) decode_product_kernel(const Product p) {
  using R = Ring<kColumnGroups>;
  extern __shared__ __align__(128) unsigned char raw[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  unsigned char* ring = raw + warp * R::kStages * R::kStageBytes;
  const int tiles = (p.n + kWarpRows - 1) / kWarpRows, chunks = p.k / kStageValues;
  // Tiles go round the multiprocessors first, then round their warps.
  const int first_tile = warp * gridDim.x + blockIdx.x, tile_step = kWarps * gridDim.x;
  const int my_tiles = first_tile < tiles ? (tiles - first_tile - 1) / tile_step + 1 : 0;
  // The weights do not depend on the launch before: they are on their way to L2 while it ends.
  if (my_tiles > 0 && lane < kWarpRows && first_tile * kWarpRows + lane < p.n) {
    const uint32_t bytes = min(p.k, R::kStages * kStageValues) * sizeof(uint16_t);
    prefetch_row(p.w + static_cast<int64_t>(first_tile * kWarpRows + lane) * p.k, bytes);
  }
  let_next_start();
  wait_for_inputs();
  if (my_tiles == 0) return;

  const int stages = my_tiles * chunks;
  int load_tile = first_tile, load_chunk = 0;  // of the next stage to load
  const auto load = [&](int stage) {
    if (stage < stages) {
      unsigned char* to = ring + stage % R::kStages * R::kStageBytes;
      const int chunk = lane % 8;
      const int64_t at = load_chunk * kStageValues + chunk * 8;
#pragma unroll
      for (int i = 0; i < kWarpRows / 4; ++i) {
        const int row = i * 4 + lane / 8, n = load_tile * kWarpRows + row;
        copy_chunk(to + stage_at(row, chunk), p.w + static_cast<int64_t>(min(n, p.n - 1)) * p.k + at,
                   n < p.n);
      }
#pragma unroll
      for (int i = 0; i < R::kXRows / 4; ++i) {
        const int row = i * 4 + lane / 8;
        copy_chunk(to + stage_at(kWarpRows + row, chunk),
                   p.x + static_cast<int64_t>(min(row, p.m - 1)) * p.k + at, row < p.m);
      }
      if (++load_chunk == chunks) {
        load_chunk = 0;
        load_tile += tile_step;
      }
    }
    asm volatile("cp.async.commit_group;" ::: "memory");  // an empty one keeps the count
  };
  for (int stage = 0; stage < R::kStages - 1; ++stage) load(stage);

  // Operands of a stage; those of the next are read while this one's steps, each of which waits for the last, go on.
  struct Operands {
    uint32_t w[4][4];
    uint32_t x[kColumnGroups][2][4];
  };
  const auto read = [&](int stage, Operands& to) {
    const unsigned char* from = ring + stage % R::kStages * R::kStageBytes;
#pragma unroll
    for (int step = 0; step < 4; ++step)
      load_matrices(to.w[step], from + stage_at(lane % 16, step * 2 + lane / 16));
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
        load_matrices(to.x[g][half], from + stage_at(kWarpRows + g * 8 + lane % 8, half * 4 + lane / 8));
    }
  };
  const auto write = [&](int tile, const float(&c)[kColumnGroups][4]) {
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = g * 8 + 2 * (lane % 4) + i % 2, n = tile * kWarpRows + lane / 4 + i / 2 * 8;
        if (row >= p.m || n >= p.n) continue;
        const int64_t place = static_cast<int64_t>(row) * p.n + n;
        if (p.sums != nullptr) {
          p.sums[place] = c[g][i];
        } else {
          p.y[place] = round_bits(c[g][i]);
        }
      }
    }
  };

  asm volatile("cp.async.wait_group %0;" ::"n"(R::kStages - 2) : "memory");
  __syncwarp();
  Operands now, next;
  read(0, now);
  float c[kColumnGroups][4] = {};
  int tile = first_tile, chunk = 0;
#pragma unroll 2
  for (int stage = 0; stage < stages; ++stage) {
    asm volatile("cp.async.wait_group %0;" ::"n"(R::kStages - 3) : "memory");
    __syncwarp();  // the next stage has arrived, and the one that is refilled was read by all
    load(stage + R::kStages - 1);
    if (stage + 1 < stages) read(stage + 1, next);
#pragma unroll
    for (int step = 0; step < 4; ++step) {
#pragma unroll
      for (int g = 0; g < kColumnGroups; ++g)
        k16_step(c[g], now.w[step], now.x[g][step / 2][2 * (step % 2)],
                 now.x[g][step / 2][2 * (step % 2) + 1]);
    }
    now = next;
    if (++chunk < chunks) continue;
    write(tile, c);
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) c[g][0] = c[g][1] = c[g][2] = c[g][3] = 0.0f;
    chunk = 0;
    tile += tile_step;
  }
}

template <int kColumnGroups>
void launch_decode_product(const Launch& launch, const Product& product) {
  using R = Ring<kColumnGroups>;
  constexpr size_t kBytes = static_cast<size_t>(kWarps) * R::kStages * R::kStageBytes;
  static const bool allowed = [] {
    allow_shared(decode_product_kernel<kColumnGroups>, kBytes, "decode product");
    return true;
  }();
  static_cast<void>(allowed);
  const int tiles = (product.n + kWarpRows - 1) / kWarpRows;
  launch_kernel(launch, "decode product", decode_product_kernel<kColumnGroups>,
                dim3(min(tiles, launch.multiprocessors)), kWarps * 32, kBytes, product);
}

}  // namespace

bool decode_product_fits(int m, int n, int k) {
  return m <= kDecodeRows && n > 0 && k % kStageValues == 0;
}

void decode_product(const Launch& launch, const Product& product) {
  if (product.m <= 8) {
    launch_decode_product<1>(launch, product);
  } else {
    launch_decode_product<2>(launch, product);
  }
}

}  // namespace ra::cuda
