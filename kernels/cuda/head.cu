#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/xxh3.cuh"

namespace ra::cuda {
namespace {

constexpr int kChunkWarps = 4;        // a warp has a chunk
constexpr int kNoToken = 0x7fffffff;  // loses every tie

// The two largest values and the lowest ids that have them; -0 equals +0.
struct TopTwo {
  float value[2];
  int id[2];

  __device__ void clear() {
    value[0] = value[1] = __uint_as_float(0xff800000u);
    id[0] = id[1] = kNoToken;
  }
  __device__ static bool beats(float a, int a_id, float b, int b_id) {
    return a > b || (a == b && a_id < b_id);
  }
  __device__ void take(float v, int i) {
    if (beats(v, i, value[0], id[0])) {
      value[1] = value[0];
      id[1] = id[0];
      value[0] = v;
      id[0] = i;
    } else if (beats(v, i, value[1], id[1])) {
      value[1] = v;
      id[1] = i;
    }
  }
  // The same where ids come in ascending order.
  __device__ void take_next(float v, int i) {
    if (!(v > value[1])) return;
    const bool is_first = v > value[0];
    value[1] = is_first ? value[0] : v;
    id[1] = is_first ? id[0] : i;
    value[0] = is_first ? v : value[0];
    id[0] = is_first ? i : id[0];
  }
  // With those of other lanes; the same in all of them afterwards.
  __device__ void merge_warp() {
    for (int distance = 1; distance < 32; distance *= 2) {
      float v[2];
      int i[2];
      for (int k = 0; k < 2; ++k) {
        v[k] = __shfl_xor_sync(0xffffffffu, value[k], distance);
        i[k] = __shfl_xor_sync(0xffffffffu, id[k], distance);
      }
      for (int k = 0; k < 2; ++k) {
        if (i[k] != kNoToken) take(v[k], i[k]);
      }
    }
  }
};

__device__ float as_used(float sum, bool fp32_logits) {
  return fp32_logits ? sum : round_bf16(sum);
}

// One chunk of 1024 logits of a row by a warp: its top two and its digest. A chunk with a NaN or an infinity has no top.
// Stripe 4 i + lane / 8 of a block of the digest is what 16 neighbouring logits are, so a lane takes them two by two.
__global__ void __launch_bounds__(kChunkWarps * 32)
    head_chunk_kernel(const float* sums, int vocab, int chunks, bool fp32_logits, HeadScratch scratch) {
  let_next_start();
  wait_for_inputs();
  const int chunk = blockIdx.x * kChunkWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (chunk >= chunks) return;
  const int first = chunk * kDigestChunk, count = min(kDigestChunk, vocab - first);
  const float* row = sums + static_cast<int64_t>(blockIdx.y) * vocab + first;
  TopTwo best;
  best.clear();
  bool finite = true;
  const auto take = [&](float sum, int i) {
    const float value = as_used(sum, fp32_logits);
    finite = finite && is_finite(value);
    best.take_next(value, first + i);
    return __float_as_uint(value);
  };
  uint64_t digest;
  if (count == kDigestChunk) {
    xxh3::WarpHash hash;
    constexpr int kBlocks = kDigestChunk / (xxh3::kBlockStripes * xxh3::kStripeWords);
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
#pragma unroll
      for (int i = 0; i < xxh3::kBlockStripes / 4; ++i) {
        const int at = block * (kDigestChunk / kBlocks) + i * 64 + 2 * lane;
        const uint32_t low = take(row[at], at), high = take(row[at + 1], at + 1);
        const uint64_t data = low | static_cast<uint64_t>(high) << 32;
        const bool is_last_stripe = block == kBlocks - 1 && i == xxh3::kBlockStripes / 4 - 1 && lane >= 24;
        if (is_last_stripe) {
          hash.add_last(data);
        } else {
          hash.add(data, i);
        }
      }
      if (block < kBlocks - 1) hash.end_block();
    }
    digest = hash.finish(kDigestChunk * sizeof(float));
  } else {
    for (int i = lane; i < count; i += 32) take(row[i], i);
    struct Used {
      const float* row;
      bool fp32_logits;
      __device__ uint32_t operator[](int i) const { return __float_as_uint(as_used(row[i], fp32_logits)); }
    };
    digest = xxh3::hash_words_by_warp(Used{row, fp32_logits}, count);
  }
  best.merge_warp();
  finite = __all_sync(0xffffffffu, finite);
  if (lane != 0) return;
  const int64_t place = static_cast<int64_t>(blockIdx.y) * chunks + chunk;
  for (int k = 0; k < 2; ++k) {
    scratch.value[2 * place + k] = best.value[k];
    scratch.top[2 * place + k] = finite ? best.id[k] : -1;
  }
  scratch.digest[place] = digest;
}

// One warp a row: the chunks' results together.
__global__ void __launch_bounds__(32)
    head_merge_kernel(const int32_t* words, const float* sums, int vocab, int chunks, bool fp32_logits,
                      HeadScratch scratch, const int32_t* nonfinite, HeadOutput* output,
                      int32_t* next_tokens) {
  let_next_start();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(words);
  const int i = blockIdx.x;
  if (i >= step.logit_rows) return;
  const int64_t first = static_cast<int64_t>(i) * chunks;
  TopTwo best;
  best.clear();
  bool finite = true;
  for (int c = threadIdx.x; c < chunks; c += 32) {
    for (int k = 0; k < 2; ++k) {
      const int id = scratch.top[2 * (first + c) + k];
      finite = finite && id >= 0;
      if (id >= 0 && id != kNoToken) best.take(scratch.value[2 * (first + c) + k], id);
    }
  }
  best.merge_warp();
  finite = __all_sync(0xffffffffu, finite);
  const uint64_t digest =
      xxh3::hash_words_by_warp(reinterpret_cast<const uint32_t*>(scratch.digest + first), 2 * chunks);
  if (threadIdx.x != 0) return;
  const int r = words[step.logit_rows_at + i];
  finite = finite && nonfinite[r] == 0;
  HeadOutput result = {{-1, -1}, {0, 0}, {0, 0}, 0, finite, 0};
  for (int k = 0; k < 2 && finite && best.id[k] != kNoToken; ++k) {
    result.top[k] = best.id[k];
    result.accumulator[k] = sums[static_cast<int64_t>(i) * vocab + best.id[k]];
    result.value[k] = as_used(result.accumulator[k], fp32_logits);
  }
  if (finite) result.digest = digest;
  output[i] = result;
  // A failed row's slot must not run on with a token that nobody chose.
  next_tokens[words[step.slots_at + r]] = result.top[0];
}

}  // namespace

void head(const Launch& launch, const int32_t* words, int logit_rows, const float* sums, int vocab,
          bool fp32_logits, const HeadScratch& scratch, const int32_t* nonfinite, HeadOutput* output,
          int32_t* next_tokens) {
  const int chunks = (vocab + kDigestChunk - 1) / kDigestChunk;
  const dim3 grid((chunks + kChunkWarps - 1) / kChunkWarps, logit_rows);
  launch_kernel(launch, "head", head_chunk_kernel, grid, kChunkWarps * 32, 0, sums, vocab, chunks,
                fp32_logits, scratch);
  launch_kernel(launch, "head", head_merge_kernel, dim3(logit_rows), 32, 0, words, sums, vocab, chunks,
                fp32_logits, scratch, nonfinite, output, next_tokens);
}

}  // namespace ra::cuda
