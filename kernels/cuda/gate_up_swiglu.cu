#include <algorithm>

#include "kernels/cuda/bulk_copy.cuh"
#include "kernels/cuda/group_step.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/products.h"
#include "kernels/cuda/swiglu.cuh"
#include "kernels/cuda/tensor_map.h"

namespace ra::cuda {
namespace {

constexpr int kThreads = 3 * kGroupThreads;  // one group of warps copies, two multiply
constexpr int kCluster = 2;                  // blocks: neighbours in outputs, which share rows of x
constexpr int kTileOutputs = kGroupRows;     // of a block: so many gates, and their ups
constexpr int kBlockValues = 64;             // of k, in a stage
constexpr int kRowBytes = kBlockValues * sizeof(uint16_t);
constexpr int kHalfBytes = kTileOutputs * kRowBytes;  // gates or ups, in a stage
static_assert(kTileOutputs == kBlockValues, "rows of outputs and of stages are alike in shared memory");
constexpr int kCopyRegisters = 40, kMultiplyRegisters = 232;
static_assert(kCopyRegisters + 2 * kMultiplyRegisters <= 3 * 168,
              "what one group gives back, the others take");
constexpr int kSharedBytes = 227 << 10;
constexpr int kAlignment = 1024, kBarrierBytes = 1024;
constexpr int kMostStages = 8;

struct Parameters {
  CUtensorMap w;            // [2 ffn, k], boxes of kTileOutputs rows
  CUtensorMap x[kCluster];  // [m, k], boxes of the rows that each block of a cluster copies
  CUtensorMap y;            // [m, ffn], boxes of a tile
  int ffn;
  int row_tiles;
  int tiles;  // of clusters
  int k_blocks;
};

// Of kRows rows of x: what a stage and the outputs take, and the cluster's two parts of a stage's rows, multiples of eight.
template <int kRows>
struct Tile {
  static constexpr int kFirstPart = (kRows / 8 + 1) / 2 * 8;
  static constexpr int kStageBytes = 2 * kHalfBytes + kRows * kRowBytes;
  static constexpr int kOutBytes = kRows * kTileOutputs * sizeof(uint16_t);
  static constexpr int kStages =
      std::min(kMostStages, (kSharedBytes - kAlignment - kBarrierBytes - 2 * kOutBytes) / kStageBytes);
  static constexpr size_t kBytes =
      kAlignment + kBarrierBytes + 2 * kOutBytes + static_cast<size_t>(kStages) * kStageBytes;
};

// A block's shared memory.
template <int kRows>
struct Ring {
  using T = Tile<kRows>;
  unsigned char* stages;  // gates, ups and x of each
  unsigned char* out;     // of either group that multiplies: [kRows][kTileOutputs]
  uint64_t* full;         // [kStages]
  uint64_t* empty;

  __device__ explicit Ring(unsigned char* raw) {
    stages = raw + (kAlignment - shared_address(raw) % kAlignment) % kAlignment;
    out = stages + T::kStages * T::kStageBytes;
    full = reinterpret_cast<uint64_t*>(out + 2 * T::kOutBytes);
    empty = full + T::kStages;
  }
};

// A stage of the ring, and how often it was round.
template <int kStages>
struct Place {
  int stage = 0;
  uint32_t parity = 0;
  __device__ void move(int count = 1) {
    const int to = stage + count;
    stage = to % kStages;
    parity ^= static_cast<uint32_t>(to / kStages) & 1;
  }
};

// Where a block's part of its cluster's tile begins: all row tiles of some outputs come before the next outputs.
template <int kRows>
struct TilePlace {
  int output, row;
  __device__ TilePlace(const Parameters& p, int tile, int block)
      : output((tile / p.row_tiles * kCluster + block) * kTileOutputs), row(tile % p.row_tiles * kRows) {}
};

template <int kRows>
__device__ void copy_tiles(const Parameters& p, const Ring<kRows>& ring, int first, int step, int block) {
  using T = Tile<kRows>;
  const auto copy_w = [&](int stage, const TilePlace<kRows>& at, int k) {
    unsigned char* to = ring.stages + stage * T::kStageBytes;
    expect_bytes(&ring.full[stage], T::kStageBytes);
    copy_box(to, p.w, k * kBlockValues, at.output, &ring.full[stage]);
    copy_box(to + kHalfBytes, p.w, k * kBlockValues, p.ffn + at.output, &ring.full[stage]);
  };
  // A part of the rows for both blocks of the cluster; the other block copies the other part.
  const auto copy_x = [&](int stage, const TilePlace<kRows>& at, int k) {
    const int part = block * T::kFirstPart;
    copy_box_to_all(ring.stages + stage * T::kStageBytes + 2 * kHalfBytes + part * kRowBytes, p.x[block],
                    k * kBlockValues, at.row + part, &ring.full[stage], (1 << kCluster) - 1);
  };
  // The weights do not depend on the launch before: the first are copied while it ends.
  const int early = min(T::kStages, p.k_blocks);
  const TilePlace<kRows> at_first(p, first, block);
  for (int k = 0; k < early; ++k) copy_w(k, at_first, k);
  wait_for_inputs();
  for (int k = 0; k < early; ++k) copy_x(k, at_first, k);
  Place<T::kStages> place;
  place.move(early);
  for (int tile = first, k = early; tile < p.tiles; tile += step, k = 0) {
    const TilePlace<kRows> at(p, tile, block);
    for (; k < p.k_blocks; ++k, place.move()) {
      wait_barrier(&ring.empty[place.stage], place.parity ^ 1);
      copy_w(place.stage, at, k);
      copy_x(place.stage, at, k);
    }
  }
  // A block of a cluster must not end while the other still arrives at its barriers.
  for (int stage = 0; stage < T::kStages; ++stage, place.move())
    wait_barrier(&ring.empty[place.stage], place.parity ^ 1);
}

// The block's named barriers, beside 0: whose turn it is to multiply, and a group's own.
__device__ inline void wait_turn(int group) {
  asm volatile("bar.sync %0, %1;" ::"r"(1 + group), "n"(2 * kGroupThreads) : "memory");
}
__device__ inline void give_turn(int group) {
  asm volatile("bar.arrive %0, %1;" ::"r"(1 + group), "n"(2 * kGroupThreads) : "memory");
}
__device__ inline void wait_for_group(int group) {
  asm volatile("bar.sync %0, %1;" ::"r"(3 + group), "n"(kGroupThreads) : "memory");
}

// Rounds gates and ups, and writes rule 8's outputs through shared memory.
template <int kRows>
__device__ void write_outputs(const Parameters& p, const TilePlace<kRows>& to,
                              const float (&gates)[kRows / 2], const float (&ups)[kRows / 2],
                              unsigned char* out, int group) {
  const int thread = threadIdx.x % kGroupThreads, warp = thread / 32, lane = thread % 32;
  if (thread == 0) wait_stores_read();
  wait_for_group(group);
  // Of four matrices, the m-th has outputs from 8 (m mod 2) on, and rows from 8 (m / 2) on; a row's chunk c of eight outputs
  // lies at c ^ (row mod 8).
  const uint32_t chunk = ((2 * warp + lane / 8 % 2) ^ lane % 8) << 4;
  const auto row_at = [&](int row) { return shared_address(out) + row * kRowBytes + chunk; };
  const auto pair = [&](int i) {
    return round_pair(swiglu_value(round_bf16(gates[2 * i]), round_bf16(ups[2 * i])),
                      swiglu_value(round_bf16(gates[2 * i + 1]), round_bf16(ups[2 * i + 1])));
  };
#pragma unroll
  for (int g = 0; g + 1 < kRows / 8; g += 2)
    store_matrices_transposed(row_at(8 * g + lane / 16 * 8 + lane % 8), pair(2 * g), pair(2 * g + 1),
                              pair(2 * g + 2), pair(2 * g + 3));
  if constexpr (kRows / 8 % 2 == 1)
    store_matrices_transposed(row_at(kRows - 8 + lane % 8), pair(kRows / 4 - 2), pair(kRows / 4 - 1));
  before_bulk_copies();
  wait_for_group(group);
  if (thread == 0) store_box(p.y, to.output, to.row, out);
}

// Two groups of warps multiply by turns, each all of k for its own tile; one rounds and writes while the other multiplies.
template <int kRows>
__device__ void multiply_tiles(const Parameters& p, const Ring<kRows>& ring, int first, int step, int block,
                               int group) {
  using T = Tile<kRows>;
  const int thread = threadIdx.x % kGroupThreads;
  const auto release = [&](int stage) {  // both blocks copy into this one's stages
    if (thread < kCluster) arrive_at(&ring.empty[stage], thread);
  };
  Place<T::kStages> place;
  if (group == 1) {
    give_turn(0);
    place.move(p.k_blocks);
  }
  for (int tile = first + group * step; tile < p.tiles; tile += 2 * step) {
    float d[2][kRows / 2];  // gates, ups
    int before = 0;
    wait_turn(group);
    for (int k = 0; k < p.k_blocks; ++k, place.move()) {
      wait_barrier(&ring.full[place.stage], place.parity);
      const uint32_t w = shared_address(ring.stages + place.stage * T::kStageBytes);
      begin_steps();
#pragma unroll
      for (int s = 0; s < kBlockValues / 16; ++s) {
#pragma unroll
        for (int half = 0; half < 2; ++half)
          group_step(d[half], operand_at(w + half * kHalfBytes + s * kStepBytes),
                     operand_at(w + 2 * kHalfBytes + s * kStepBytes), k > 0 || s > 0);
      }
      end_batch();
      wait_batches<1>();
      if (k > 0) release(before);
      before = place.stage;
    }
    give_turn(1 - group);
    place.move(p.k_blocks);
    wait_batches<0>();
    release(before);
    after_wait(d[0]);
    after_wait(d[1]);
    write_outputs<kRows>(p, TilePlace<kRows>(p, tile, block), d[0], d[1], ring.out + group * T::kOutBytes,
                         group);
  }
  if (thread == 0) wait_stores_done();
}

// [2 ffn, k], [m, k] -> [m, ffn]. A block's tile is 64 gates and their ups of kRows rows, all of k.
// Order: k16 steps, ascending from +0.
template <int kRows>
__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads, 1)
    gate_up_swiglu_kernel(const __grid_constant__ Parameters p) {
  extern __shared__ __align__(1024) unsigned char raw[];
  const Ring<kRows> ring(raw);
  const int block = block_of_cluster(), group = threadIdx.x / kGroupThreads;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Tile<kRows>::kStages; ++stage) {
      init_barrier(&ring.full[stage]);
      init_barrier(&ring.empty[stage], kCluster);
    }
    show_barriers();
  }
  wait_for_cluster();
  let_next_start();
  const int first = blockIdx.x / kCluster, step = gridDim.x / kCluster;
  if (group == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCopyRegisters));
    if (threadIdx.x == 0) copy_tiles<kRows>(p, ring, first, step, block);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kMultiplyRegisters));
    multiply_tiles<kRows>(p, ring, first, step, block, group - 1);
  }
}

template <int kRows>
void launch_gate_up_swiglu(const Launch& launch, const Product& product) {
  using T = Tile<kRows>;
  const auto kernel = gate_up_swiglu_kernel<kRows>;
  static const int clusters = [&] {
    allow_shared(kernel, T::kBytes, "gate_up with SwiGLU");
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(kCluster);
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = T::kBytes;
    int count = 0;
    cuda_check(cudaOccupancyMaxActiveClusters(&count, kernel, &config), "gate_up with SwiGLU");
    return count;
  }();
  const auto over = [](int count, int of) { return (count + of - 1) / of; };
  Parameters p;
  p.ffn = product.n / 2;
  p.row_tiles = over(product.m, kRows);
  p.tiles = p.row_tiles * over(p.ffn, kCluster * kTileOutputs);
  p.k_blocks = product.k / kBlockValues;
  p.w = tensor_map(product.w, product.n, product.k, kTileOutputs);
  p.x[0] = tensor_map(product.x, product.m, product.k, T::kFirstPart);
  p.x[1] = tensor_map(product.x, product.m, product.k, kRows - T::kFirstPart);
  p.y = tensor_map(product.y, product.m, p.ffn, kRows);
  launch_kernel(launch, "gate_up with SwiGLU", kernel, dim3(kCluster * std::min(p.tiles, clusters)), kThreads,
                T::kBytes, p);
}

}  // namespace

bool gate_up_swiglu_fits(int n, int k) {
  return n > 0 && n % 16 == 0 && k > 0 && k % kBlockValues == 0;
}

void gate_up_swiglu(const Launch& launch, const Product& product, int tile_rows) {
  if (tile_rows == 64) return launch_gate_up_swiglu<64>(launch, product);
  if (tile_rows == 128) return launch_gate_up_swiglu<128>(launch, product);
  launch_gate_up_swiglu<168>(launch, product);
}

}  // namespace ra::cuda
