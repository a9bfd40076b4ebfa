// Where a cache page keeps a row. Rows of K and V are permuted in chunks of 16 bytes so that eight rows' equal chunks, which
// one ldmatrix reads, lie in different banks once a tile has been copied to shared memory as it is.
#pragma once

#include <cstdint>

#include "kernels/cuda/kernels.h"

namespace ra::cuda {

constexpr int kTileKeys = 64;  // keys of a page, and of a tile of attention

// Place of chunk `chunk` (8 values) in row `row` of a tile [64][kDim], in values from the tile's start.
template <int kDim>
__device__ inline int chunk_at(int row, int chunk) {
  const int turn = kDim == 32 ? (row >> 1) & 3 : row & 7;
  return row * kDim + ((chunk ^ turn) * 8);
}

// K of a page and KV head: a tile [64][head_dim]; V follows it.
__device__ inline uint16_t* k_tile(const CacheView& cache, int page, int kv_head) {
  return cache.base + page * page_values(cache.kv_heads, cache.head_dim) +
         static_cast<int64_t>(kv_head) * 2 * kTileKeys * cache.head_dim;
}

}  // namespace ra::cuda
