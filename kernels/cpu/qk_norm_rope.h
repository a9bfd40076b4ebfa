// Optional q and k norm, RoPE, and the store to the cache: numerics.md rules 6, 9 and 10.
#pragma once

#include <cstdint>

#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/simd_target.h"

namespace ra {

struct QkNormRope {
  int heads = 0;
  KvLayout layout;
  const float* q_norm = nullptr;  // [head_dim], null without a norm
  const float* k_norm = nullptr;
  int lanes = 0;  // of the norms
  float eps = 0;
};

// One row: qkv [(heads + 2 kv_heads) head_dim] to q [heads, head_dim] and into position `key` of `page`,
// [kv_heads][K, V]. rope is the table's row of its position. Returns false if a norm's sum is not finite.
bool qk_norm_rope_store(SimdTarget target, const QkNormRope& op, const Bf16* qkv, const float* rope, Bf16* q,
                        Bf16* page, int key);

}  // namespace ra
