#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/products.h"
#include "kernels/cuda/tensor_core.cuh"

namespace ra::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kWarpRows = 16;         // outputs of a warp's tile
constexpr int kRingBytes = 48 << 10;  // of a warp; with four warps most of a multiprocessor's shared memory

// A warp's ring: stages of kStageValues of k, of 16 rows of w and 8 kColumnGroups rows of x. Chunk c (16 bytes) of row r
// lies at chunk c ^ (r mod 8) of its row, so that eight rows' equal chunks lie in different banks.
template <int kColumnGroups, int kStageValues>
struct Ring {
  static constexpr int kXRows = 8 * kColumnGroups;
  static constexpr int kRowBytes = kStageValues * sizeof(uint16_t);
  static constexpr int kRowChunks = kRowBytes / 16;
  static constexpr int kStageBytes = (kWarpRows + kXRows) * kRowBytes;
  static constexpr int kStages = kRingBytes / kStageBytes;
  static constexpr int kCopyRows = 32 / kRowChunks;  // that a copy by all lanes fills
  static constexpr int kSteps = kStageValues / 16;
};

__device__ inline void copy_chunk(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0)
               : "memory");
}
__device__ inline void prefetch_row(const void* from, uint32_t bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
}

// [n, k], [m, k] -> [m, n] for m <= 8 kColumnGroups. A warp owns 16 outputs and walks all of k, through a ring of stages
// of its own that is refilled without a pause from one tile of outputs to the next. Order: k16 steps, ascending from +0.
template <int kColumnGroups, int kStageValues>
__global__ void __launch_bounds__(kWarps * 32) decode_product_kernel(const Product p) {
  using R = Ring<kColumnGroups, kStageValues>;
  extern __shared__ __align__(128) unsigned char raw[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t ring = shared_address(raw) + warp * R::kStages * R::kStageBytes;
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

  // The lane copies one chunk of every kCopyRows-th row, from `row` on.
  const int row = lane / R::kRowChunks, chunk = lane % R::kRowChunks;
  const uint32_t place = row * R::kRowBytes + ((chunk ^ row) << 4);  // row < 8
  const int64_t row_step = static_cast<int64_t>(R::kCopyRows) * p.k;
  const uint16_t* x = p.x + static_cast<int64_t>(row) * p.k + chunk * 8;
  const uint16_t* w = p.w + (static_cast<int64_t>(first_tile) * kWarpRows + row) * p.k + chunk * 8;
  int load_tile = first_tile, load_chunk = 0, loads_left = my_tiles * chunks;
  uint32_t load_at = ring;  // of the next stage to load
  const uint32_t ring_end = ring + R::kStages * R::kStageBytes;
  const auto load = [&] {
    if (loads_left > 0) {
      --loads_left;
#pragma unroll
      for (int i = 0; i < kWarpRows / R::kCopyRows; ++i) {
        const bool there = load_tile * kWarpRows + i * R::kCopyRows + row < p.n;
        copy_chunk(load_at + i * R::kCopyRows * R::kRowBytes + (place ^ (i * R::kCopyRows & 7) << 4),
                   there ? w + i * row_step : p.w, there);
      }
#pragma unroll
      for (int i = 0; i < R::kXRows / R::kCopyRows; ++i) {
        const bool there = i * R::kCopyRows + row < p.m;
        copy_chunk(
            load_at + (kWarpRows + i * R::kCopyRows) * R::kRowBytes + (place ^ (i * R::kCopyRows & 7) << 4),
            there ? x + i * row_step : p.x, there);
      }
      w += kStageValues;
      x += kStageValues;
      if (++load_chunk == chunks) {
        load_chunk = 0;
        load_tile += tile_step;
        x -= p.k;
        w += static_cast<int64_t>(tile_step * kWarpRows - 1) * p.k;
      }
      load_at += R::kStageBytes;
      if (load_at == ring_end) load_at = ring;
    }
    asm volatile("cp.async.commit_group;" ::: "memory");  // an empty one keeps the count
  };
  for (int stage = 0; stage < R::kStages - 1; ++stage) load();

  float c[kColumnGroups][4] = {};
  int tile = first_tile, chunks_done = 0;
  uint32_t read_at = ring;
  const uint32_t w_row = (lane % 16) * R::kRowBytes, w_turn = lane / 16 ^ (lane & 7);
  const uint32_t x_row = (kWarpRows + lane % 8) * R::kRowBytes, x_turn = lane / 8 ^ (lane & 7);
  for (int stage = 0; stage < my_tiles * chunks; ++stage) {
    asm volatile("cp.async.wait_group %0;" ::"n"(R::kStages - 2) : "memory");
    __syncwarp();  // every lane's copies have arrived, and the stage that is refilled below was read by all
    uint32_t a[R::kSteps][4], b[kColumnGroups][R::kSteps / 2][4];
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step)
      load_matrices(a[step], read_at + w_row + ((step * 2 ^ w_turn) << 4));
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
      for (int pair = 0; pair < R::kSteps / 2; ++pair)
        load_matrices(b[g][pair], read_at + x_row + g * 8 * R::kRowBytes + ((pair * 4 ^ x_turn) << 4));
    }
    load();
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step) {
#pragma unroll
      for (int g = 0; g < kColumnGroups; ++g)
        k16_step(c[g], a[step], b[g][step / 2][2 * (step % 2)], b[g][step / 2][2 * (step % 2) + 1]);
    }
    read_at += R::kStageBytes;
    if (read_at == ring_end) read_at = ring;
    if (++chunks_done < chunks) continue;
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int m = g * 8 + 2 * (lane % 4) + i % 2, n = tile * kWarpRows + lane / 4 + i / 2 * 8;
        if (m < p.m && n < p.n) {
          const int64_t to = static_cast<int64_t>(m) * p.n + n;
          if (p.sums != nullptr) {
            p.sums[to] = c[g][i];
          } else {
            p.y[to] = round_bits(c[g][i]);
          }
        }
        c[g][i] = 0.0f;
      }
    }
    chunks_done = 0;
    tile += tile_step;
  }
}

template <int kColumnGroups, int kStageValues>
void launch_decode_product(const Launch& launch, const Product& product) {
  using R = Ring<kColumnGroups, kStageValues>;
  constexpr size_t kBytes = static_cast<size_t>(kWarps) * R::kStages * R::kStageBytes;
  const auto kernel = decode_product_kernel<kColumnGroups, kStageValues>;
  static const bool allowed = [&] {
    allow_shared(kernel, kBytes, "decode product");
    return true;
  }();
  static_cast<void>(allowed);
  const int tiles = (product.n + kWarpRows - 1) / kWarpRows;
  launch_kernel(launch, "decode product", kernel, dim3(min(tiles, launch.multiprocessors)), kWarps * 32,
                kBytes, product);
}

}  // namespace

bool decode_product_fits(int m, int n, int k) {
  return m <= kDecodeRows && n > 0 && k % 64 == 0;
}

void decode_product(const Launch& launch, const Product& product) {
  const bool wide = product.k % 128 == 0;
  if (product.m <= 8) {
    wide ? launch_decode_product<1, 128>(launch, product) : launch_decode_product<1, 64>(launch, product);
  } else {
    wide ? launch_decode_product<2, 128>(launch, product) : launch_decode_product<2, 64>(launch, product);
  }
}

}  // namespace ra::cuda
