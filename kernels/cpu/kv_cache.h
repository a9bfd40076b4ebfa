// Where the paged cache keeps what (numerics.md rule 10). A page holds 64 positions of one layer, KV head by KV head, in
// the layout that attention reads: K with keys side by side, so that scores of many keys are summed at once; V with
// head_dim side by side. In both, two neighbours along the sum share a 32-bit word, the even one below. K and V of a
// head lie one behind the other, so that a row's attention reads a page from end to end.
#pragma once

#include <cstddef>

#include "kernels/bf16.h"
#include "kernels/ops.h"

namespace ra {

struct KvLayout {
  int kv_heads = 0;
  int head_dim = 0;

  // head_dim in whole vectors; what lies between is never read back as a result.
  int padded_dim() const { return (head_dim + 15) / 16 * 16; }
  // K of a page and head: [head_dim / 2][64][2]; head_dim is even.
  size_t k_tile() const { return static_cast<size_t>(head_dim) * kPageKeys; }
  // V of a page and head: [32][padded_dim][2].
  size_t v_tile() const { return static_cast<size_t>(padded_dim()) * kPageKeys; }
  size_t head_size() const { return k_tile() + v_tile(); }
  size_t page_size() const { return head_size() * kv_heads; }

  static size_t k_at(int key, int dim) {
    return (static_cast<size_t>(dim / 2) * kPageKeys + key) * 2 + dim % 2;
  }
  size_t v_at(int key, int dim) const {
    return (static_cast<size_t>(key / 2) * padded_dim() + dim) * 2 + key % 2;
  }
};

}  // namespace ra
