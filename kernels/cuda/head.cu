#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/xxh3.cuh"

namespace ra::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
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

// One chunk of 1024 logits of a row: its top two and its digest. A chunk with a NaN or an infinity has no top.
__global__ void __launch_bounds__(kThreads)
    head_chunk_kernel(const float* sums, int vocab, bool fp32_logits, HeadScratch scratch) {
  __shared__ uint32_t used[kDigestChunk];
  __shared__ TopTwo of_warp[kWarps];
  let_next_start();
  wait_for_inputs();
  const int first = blockIdx.x * kDigestChunk, count = min(kDigestChunk, vocab - first);
  const float* row = sums + static_cast<int64_t>(blockIdx.y) * vocab + first;
  TopTwo best;
  best.clear();
  bool finite = true;
  for (int i = threadIdx.x; i < count; i += kThreads) {
    const float value = as_used(row[i], fp32_logits);
    finite = finite && is_finite(value);
    used[i] = __float_as_uint(value);
    best.take(value, first + i);
  }
  const bool all_finite = __syncthreads_and(finite);
  best.merge_warp();
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  best.clear();
  if (threadIdx.x < kWarps) best = of_warp[threadIdx.x];
  best.merge_warp();
  const uint64_t digest = xxh3::hash_words_by_warp(used, count);
  if (threadIdx.x != 0) return;
  const int64_t place = static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x;
  for (int k = 0; k < 2; ++k) {
    scratch.value[2 * place + k] = best.value[k];
    scratch.top[2 * place + k] = all_finite ? best.id[k] : -1;
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
  launch_kernel(launch, "head", head_chunk_kernel, dim3(chunks, logit_rows), kThreads, 0, sums, vocab,
                fp32_logits, scratch);
  launch_kernel(launch, "head", head_merge_kernel, dim3(logit_rows), 32, 0, words, sums, vocab, chunks,
                fp32_logits, scratch, nonfinite, output, next_tokens);
}

}  // namespace ra::cuda
