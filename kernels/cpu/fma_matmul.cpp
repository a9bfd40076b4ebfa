#include "kernels/cpu/fma_matmul.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "core/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/fma_matmul.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// A block of rows against a few tiles, all accumulators in registers.
constexpr int kChunk = 512;  // numerics.md rule 2
constexpr int kGroup = 16;   // k of one group in the copy of x
// Weights stream from memory, and a processor's own prefetching stops at each 4 KiB: one row reads fast enough to gain
// nothing from more, 16 rows gain a fifth. In bf16 values: 4 KiB.
constexpr int kPrefetchAhead = 2048;
constexpr int kVectors = kTileOutputs / static_cast<int>(hn::MaxLanes(hn::CappedTag<float, kTileOutputs>()));
#if HWY_TARGET == HWY_AVX2
constexpr int kAccumulators = 12;  // of 16 registers
#else
constexpr int kAccumulators = 24;  // of 32 registers
#endif
constexpr int kMaxRows = kAccumulators / kVectors < 16 ? kAccumulators / kVectors : 16;

// Tiles side by side: enough chains to cover the latency of an fma when rows are few.
constexpr int tiles_at_once(int rows) {
  for (int tiles = 4; tiles > 1; tiles /= 2) {
    if (rows * tiles * kVectors <= kAccumulators) return tiles;
  }
  return 1;
}

// x is the block's copy, [ceil(k / 16)][kRows][16]; sums is [kTiles][kRows][16].
// Order: a chunk of 512 k ascending by fma from +0; chunk sums ascending from the first.
template <int kRows, int kTiles>
void product_block(const Bf16* w, size_t tile_size, int k, const float* x, float* sums) {
  const hn::CappedTag<float, kTileOutputs> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kLanes = kTileOutputs / kVectors;
  constexpr int kWords = 2 * kLanes;  // bf16 values of one vector
  for (int chunk = 0; chunk < k; chunk += kChunk) {
    const int chunk_end = std::min(chunk + kChunk, k);
    V acc[kTiles][kRows][kVectors];
#pragma GCC unroll 4
    for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[t][r][v] = hn::Zero(d);
      }
    }
    const auto add_pair = [&](const Bf16* wp, const float* xp, bool both) HWY_ATTR {
      V even[kTiles][kVectors], odd[kTiles][kVectors];
#pragma GCC unroll 4
      for (int t = 0; t < kTiles; ++t) {
        if constexpr (kRows > 1) hwy::Prefetch(wp + t * tile_size + kPrefetchAhead);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          const auto pairs = load_pairs(d, wp + t * tile_size + v * kWords);
          even[t][v] = even_of_pairs(d, pairs);
          odd[t][v] = odd_of_pairs(d, pairs);
        }
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const V xr = hn::Set(d, xp[r * kGroup]);
#pragma GCC unroll 4
        for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) acc[t][r][v] = hn::MulAdd(xr, even[t][v], acc[t][r][v]);
        }
      }
      if (!both) return;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const V xr = hn::Set(d, xp[r * kGroup + 1]);
#pragma GCC unroll 4
        for (int t = 0; t < kTiles; ++t) {
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) acc[t][r][v] = hn::MulAdd(xr, odd[t][v], acc[t][r][v]);
        }
      }
    };
    for (int group = chunk; group < chunk_end; group += kGroup) {
      const float* xg = x + static_cast<size_t>(group) * kRows;
      const Bf16* wg = w + static_cast<size_t>(group) * kTileOutputs;
      const int count = std::min(kGroup, chunk_end - group);
      for (int i = 0; i + 1 < count; i += 2) add_pair(wg + i * kTileOutputs, xg + i, true);
      if (count % 2 == 1) add_pair(wg + (count - 1) * kTileOutputs, xg + count - 1, false);
    }
    for (int t = 0; t < kTiles; ++t) {
      for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
          float* sum = sums + (t * kRows + r) * kTileOutputs + v * kLanes;
          const V total = chunk == 0 ? acc[t][r][v] : hn::Add(hn::LoadU(d, sum), acc[t][r][v]);
          hn::StoreU(total, d, sum);
        }
      }
    }
  }
}

// The copy of rows [first, first + count) that product_block reads.
void widen_rows(const Bf16* x, int k, int first, int count, float* out) {
  const hn::CappedTag<float, kGroup> d;
  for (int group = 0; group < k; group += kGroup) {
    for (int r = 0; r < count; ++r) {
      const Bf16* from = x + static_cast<size_t>(first + r) * k + group;
      float* to = out + static_cast<size_t>(group) * count + r * kGroup;
      if (group + kGroup <= k) {
        for (int i = 0; i < kGroup; i += static_cast<int>(hn::Lanes(d))) {
          hn::StoreU(load_bf16(d, from + i), d, to + i);
        }
      } else {
        for (int i = 0; i < k - group; ++i) to[i] = widen(from[i]);
      }
    }
  }
}

// Results of one tile: sums [rows, 16] to columns of rows [first, first + rows). Order: the bias after the sum.
void store_tile(const float* sums, int rows, int first, int column, int columns, int n,
                const ProductOutput& out) {
  alignas(64) float bias[kTileOutputs] = {};
  if (out.bias != nullptr) std::copy_n(out.bias + column, columns, bias);
  for (int r = 0; r < rows; ++r) {
    const float* from = sums + r * kTileOutputs;
    const size_t at = static_cast<size_t>(first + r) * n + column;
    if (out.sums != nullptr) {
      std::copy(from, from + columns, out.sums + at);
    } else {
      const hn::CappedTag<float, kTileOutputs> d;
      alignas(64) float rounded[kTileOutputs];
      bool finite = true;
      for (int i = 0; i < kTileOutputs; i += static_cast<int>(hn::Lanes(d))) {
        const auto s = hn::LoadU(d, from + i);
        // Without a bias nothing is added: -0 + 0 would be +0.
        const auto y = round_bf16(d, out.bias != nullptr ? hn::Add(s, hn::LoadU(d, bias + i)) : s);
        finite = finite && !any_nonfinite(d, y);
        hn::StoreU(y, d, rounded + i);
      }
      if (columns == kTileOutputs) {
        for (int i = 0; i < kTileOutputs; i += static_cast<int>(hn::Lanes(d))) {
          store_bf16(d, hn::LoadU(d, rounded + i), out.rounded + at + i);
        }
      } else {
        for (int i = 0; i < columns; ++i) out.rounded[at + i] = ra::round_bf16(rounded[i]);
      }
      if (!finite && out.nonfinite != nullptr)
        std::atomic_ref(out.nonfinite[first + r]).store(1, std::memory_order_relaxed);
    }
  }
}

template <int kRows, int kTiles>
void product_tiles(const PackedMatrix& w, int tile, const float* x, int first, const ProductOutput& out) {
  alignas(64) float sums[kTiles * kRows * kTileOutputs];
  product_block<kRows, kTiles>(w.tile(tile), w.tile_size(), w.k, x, sums);
  for (int t = 0; t < kTiles; ++t) {
    const int column = (tile + t) * kTileOutputs;
    store_tile(sums + t * kRows * kTileOutputs, kRows, first, column, std::min(kTileOutputs, w.n - column),
               w.n, out);
  }
}

// A block of kRows rows against tiles [begin, end).
template <int kRows>
void product_rows(const PackedMatrix& w, int begin, int end, const float* x, int first,
                  const ProductOutput& out) {
  constexpr int kTiles = tiles_at_once(kRows);
  int tile = begin;
  for (; tile + kTiles <= end; tile += kTiles) product_tiles<kRows, kTiles>(w, tile, x, first, out);
  for (; tile < end; ++tile) product_tiles<kRows, 1>(w, tile, x, first, out);
}

using ProductRows = void (*)(const PackedMatrix&, int, int, const float*, int, const ProductOutput&);
template <int... kRows>
constexpr std::array<ProductRows, sizeof...(kRows)> product_table(std::integer_sequence<int, kRows...>) {
  return {product_rows<kRows + 1>...};
}

int product_max_rows() {
  return kMaxRows;
}

void product_share(const PackedMatrix& w, const Bf16* x, int rows, const ProductOutput& out, int tile_begin,
                   int tile_end, int group_rows, float* copy) {
  static constexpr auto kTable = product_table(std::make_integer_sequence<int, kMaxRows>());
  constexpr int kTilesAtOnce = 4;  // they stay in the first-level cache while the blocks of rows pass
  const size_t row_size = static_cast<size_t>((w.k + kGroup - 1) / kGroup) * kGroup;
  for (int group = 0; group < rows; group += group_rows) {
    const int count = std::min(group_rows, rows - group);
    const int blocks = (count + kMaxRows - 1) / kMaxRows;
    for (int b = 0; b < blocks; ++b) {
      const Range block = share(count, b, blocks);
      widen_rows(x, w.k, group + block.begin, block.end - block.begin, copy + block.begin * row_size);
    }
    for (int tile = tile_begin; tile < tile_end; tile += kTilesAtOnce) {
      const int end = std::min(tile + kTilesAtOnce, tile_end);
      for (int b = 0; b < blocks; ++b) {
        const Range block = share(count, b, blocks);
        kTable[block.end - block.begin - 1](w, tile, end, copy + block.begin * row_size, group + block.begin,
                                            out);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(product_max_rows);
HWY_EXPORT(product_share);

void fma_product(SimdTarget target, ThreadPool& pool, const PackedMatrix& w, const Bf16* x, int rows,
                 const ProductOutput& out, ProductScratch& scratch) {
  check(out.bias == nullptr || out.rounded != nullptr, "a bias for rounded outputs only");
  // Rows whose copy of x stays in half of a second-level cache of 1 MiB; a multiple of a block.
  constexpr size_t kCopySize = size_t{1} << 17;  // floats
  const int max_rows = RA_CALL(target, product_max_rows)();
  const size_t row_size = (static_cast<size_t>(w.k) + 15) / 16 * 16;
  const int fitting = static_cast<int>(kCopySize / row_size) / max_rows * max_rows;
  const int group_rows = std::min(rows, std::max(fitting, max_rows));
  pool.run([&](int thread) {
    const Range tiles = share(w.tiles(), thread, pool.threads());
    if (tiles.begin == tiles.end) return;
    AlignedBuffer<float>& copy = scratch.x[thread];
    if (copy.size() < group_rows * row_size) copy = AlignedBuffer<float>(group_rows * row_size);
    RA_CALL(target, product_share)(w, x, rows, out, tiles.begin, tiles.end, group_rows, copy.data());
  });
}

}  // namespace ra
#endif
