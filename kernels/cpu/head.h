// The head after its product: logits as used, both tops, digest (numerics.md rule 16).
#pragma once

#include <cstdint>
#include <span>

#include "kernels/cpu/simd_target.h"
#include "kernels/ops.h"

namespace ra {

inline constexpr int kDigestChunk = 1024;  // logits hashed at once

// What one chunk of a row says. Which ids the values have is asked of two chunks a row only.
struct ChunkResult {
  float value[2] = {0, 0};  // the best and the next one, which may be equal; minus infinity if there is none
  uint64_t digest = 0;
  bool finite = true;
};

// Logits [first, first + count) of the row whose fp32 sums are at `sums`; count <= kDigestChunk.
ChunkResult head_chunk(SimdTarget target, const float* sums, int first, int count, bool fp32_logits);

// The row's result from its chunks in order. `sums` is the whole row, [vocab].
HeadResult merge_chunks(std::span<const ChunkResult> chunks, const float* sums, int vocab, bool fp32_logits);

}  // namespace ra
