// The launches of all CUDA kernels but the products. Every function queues on `launch.stream`; pointers are device memory.
// bf16 values are uint16_t. `words` is a StepWords block. Row counts that size a grid are the step's; kernels read the rest
// from the block.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/cuda/step_words.h"
#include "kernels/host_device.h"

namespace ra::cuda {

struct Launch {
  cudaStream_t stream = nullptr;
  int multiprocessors = 0;
};

// Where a paged cache keeps what. A page of a layer holds 64 positions: for each KV head 64 rows of K, then 64 of V, each
// row head_dim values in chunks of 16 bytes that are permuted by the row (see cache_layout.cuh), so that a tile is one
// contiguous copy into shared memory without bank conflicts.
struct CacheView {
  uint16_t* base = nullptr;             // of the layer
  const int32_t* page_table = nullptr;  // [slots][pages_a_slot]
  int pages_a_slot = 0;
  int kv_heads = 0;
  int head_dim = 0;
};

// bf16 values of a layer's page.
RA_HOST_DEVICE inline int64_t page_values(int kv_heads, int head_dim) {
  return static_cast<int64_t>(kv_heads) * 2 * 64 * head_dim;
}

// [rows] tokens -> h [rows, hidden], rows of E [vocab, hidden]. Resets nonfinite [rows], applies the block's page updates.
// Order: no sum.
void embed(const Launch& launch, const int32_t* words, int rows, const uint16_t* embedding, int hidden,
           const int32_t* next_tokens, int32_t* page_table, int pages_a_slot, uint16_t* h,
           int32_t* nonfinite);

// h += d (unless null), x = norm(h) * weight over [rows, hidden]. With `of_logit_rows` row i is the block's i-th logit row
// of h and d, and row i of x. Order: `lanes` (256 or 1024) partial sums, lane i mod lanes, then a tree (rules 5, 6).
void add_norm(const Launch& launch, const int32_t* words, int rows, bool of_logit_rows, int lanes,
              uint16_t* h, const uint16_t* d, const uint16_t* weight, int hidden, float eps, uint16_t* x,
              int32_t* nonfinite);

// qkv [rows, (heads + 2 kv_heads) head_dim] -> q [rows, heads * head_dim], and k, v into the cache. Norms over head_dim if
// their weights are not null, then RoPE by table [positions][head_dim / 2][cos, sin] (rules 6, 9, 10).
// Order: head_dim values, a tree.
void qk_norm_rope_store(const Launch& launch, const int32_t* words, int rows, int heads, const uint16_t* qkv,
                        const uint16_t* q_norm, const uint16_t* k_norm, float eps, const float* rope_table,
                        const CacheView& cache, uint16_t* q, int32_t* nonfinite);

// What shares of keys leave for the merge: m, l and O of each (decode item, KV head).
struct AttentionPartials {
  float* o = nullptr;          // [items][kv_heads][group][head_dim]
  float* l = nullptr;          // [items][kv_heads][group]
  int32_t* m = nullptr;        // [items][kv_heads][group]
  int32_t* arrived = nullptr;  // [rows][kv_heads], zero between launches
};

// q [rows, heads * head_dim] over the cache -> x, of the same shape: the block's decode items, one query row each. `rows`
// is the step's: it decides the launch alone.
// Order: rules 11 to 14 over shares of split_keys keys, merged ascending.
void attend_decode(const Launch& launch, const int32_t* words, int rows, const uint16_t* q, int heads,
                   float scale, const CacheView& cache, const AttentionPartials& partials, uint16_t* x,
                   int32_t* nonfinite);
// The most shares of a row that one item may hold, in a step of so many rows, shares in all, and KV heads: rows up to it
// need no merge between warps, and none is much longer than a warp's part of all the work. 0: no item holds a whole row of
// several shares, which depends on the rows alone.
int decode_share_limit(int rows, int64_t shares, int kv_heads, int multiprocessors);
// The same for the block's `tiles` prefill tiles.
void attend_prefill(const Launch& launch, const int32_t* words, int tiles, const uint16_t* q, int heads,
                    float scale, const CacheView& cache, uint16_t* x, int32_t* nonfinite);
// Query rows that a prefill tile may hold.
int prefill_queries(int heads, int kv_heads);
constexpr int kMaxGroup = 16;  // query heads a KV head

// gate_up [rows, 2 ffn], gate first -> x [rows, ffn] (rule 8). Order: no sum.
void swiglu(const Launch& launch, int rows, const uint16_t* gate_up, int ffn, uint16_t* x);

// sums [rows, n] -> y [rows, n] = B(sums + bias) (rule 3). Order: one addition.
void add_bias(const Launch& launch, int rows, const float* sums, const float* bias, int n, uint16_t* y);

// What the head finds, as in kernels/ops.h.
struct HeadOutput {
  int32_t top[2];
  float value[2];
  float accumulator[2];
  uint64_t digest;
  int32_t finite;
  int32_t unused;
};
struct HeadScratch {
  float* value = nullptr;      // [logit_rows][chunks][2]
  int32_t* top = nullptr;      // [logit_rows][chunks][2]
  uint64_t* digest = nullptr;  // [logit_rows][chunks]
};
constexpr int kDigestChunk = 1024;  // rule 16

// sums [logit_rows, vocab] -> output [logit_rows], next_tokens [slots] (rule 16). Order: no sum.
void head(const Launch& launch, const int32_t* words, int logit_rows, const float* sums, int vocab,
          bool fp32_logits, const HeadScratch& scratch, const int32_t* nonfinite, HeadOutput* output,
          int32_t* next_tokens);

}  // namespace ra::cuda
