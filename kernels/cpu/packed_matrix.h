// A weight matrix as the fma products read it: in tiles of 16 outputs, each [ceil(k / 2)][16][2], so that one vector
// load brings two k for 16 outputs and the upper and lower halves of its words are the two.
#pragma once

#include <cstddef>

#include "kernels/bf16.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/ops.h"
#include "kernels/thread_pool.h"

namespace ra {

inline constexpr int kTileOutputs = 16;

struct PackedMatrix {
  int n = 0;
  int k = 0;
  AlignedBuffer<Bf16> values;  // [tiles()][tile_size()]; what lies beyond n or k is zero

  int tiles() const { return (n + kTileOutputs - 1) / kTileOutputs; }
  size_t tile_size() const { return static_cast<size_t>((k + 1) / 2) * 2 * kTileOutputs; }
  const Bf16* tile(int t) const { return values.data() + static_cast<size_t>(t) * tile_size(); }
  // w[row, column]
  Bf16 at(int row, int column) const {
    return tile(
        row /
        kTileOutputs)[(static_cast<size_t>(column / 2) * kTileOutputs + row % kTileOutputs) * 2 + column % 2];
  }
};

// The bytes that a packed matrix takes.
uint64_t packed_bytes(int n, int k);

// Reads the parts, one below the other, rounded to bf16. With `plain` not null, also as fp32 [n, k] there.
// Error(bad_input) if the parts are not `n` rows of `k`.
PackedMatrix pack(ThreadPool& pool, const Parts& parts, int n, int k, AlignedBuffer<float>* plain);

}  // namespace ra
