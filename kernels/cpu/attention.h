// Attention over the paged cache: numerics.md rules 10 to 14. One body serves both ways of cutting a sequence's keys:
// absolute segments (invariant) and shares (standard) differ in where the cuts are.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/simd_target.h"

namespace ra {

struct AttentionRow {
  const Bf16* q = nullptr;         // [group, head_dim]: the query heads of one KV head
  const int32_t* pages = nullptr;  // of its sequence
  int keys = 0;                    // visible ones: its position + 1
  int split_keys = 0;              // keys of one segment or share
};

// What one attention needs beyond registers; one a thread.
struct AttentionScratch {
  AttentionScratch(const KvLayout& layout, int group);
  std::vector<float> q;       // [group, head_dim]
  std::vector<float> part;    // O of the segment at work, [group, padded_dim]
  std::vector<float> output;  // O of those before it, likewise
  std::vector<Bf16> k, v;     // a tile that does not begin with a page, in a page's layout
};

// The tile of keys [key, key + count) of one head: the page itself where the tile begins with one, else a copy.
struct TilePointers {
  const Bf16* k = nullptr;  // [head_dim / 2][64][2]
  const Bf16* v = nullptr;  // [32][padded_dim][2]
};
TilePointers tile_at(const KvLayout& layout, const Bf16* cache, int kv_head, const int32_t* table, int key,
                     int count, AttentionScratch& scratch);

// cache: the layer's pages. out [group, head_dim]. Returns false if a score or an output is not finite.
bool attend(SimdTarget target, const KvLayout& layout, const Bf16* cache, int kv_head, int group,
            const AttentionRow& row, AttentionScratch& scratch, Bf16* out);

}  // namespace ra
