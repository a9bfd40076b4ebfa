#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"

namespace ra::cuda {
namespace {

constexpr int kThreads = 128;

__global__ void embed_kernel(const int32_t* words, const uint16_t* embedding, int hidden,
                             const int32_t* next_tokens, int32_t* page_table, int pages_a_slot, uint16_t* h,
                             int32_t* nonfinite) {
  let_next_start();
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(words);
  const int r = blockIdx.x;
  if (r == 0) {
    const auto* updates = reinterpret_cast<const PageUpdate*>(words + step.page_updates_at);
    for (int i = threadIdx.x; i < step.page_updates; i += kThreads)
      page_table[static_cast<int64_t>(updates[i].slot) * pages_a_slot + updates[i].index] = updates[i].page;
  }
  if (r >= step.rows) return;  // a padded row: what it holds is never read as a result
  int32_t token = words[step.tokens_at + r];
  if (token < 0) token = next_tokens[words[step.slots_at + r]];
  // A slot whose head found no number has no next token; its row is flagged and its results are not used.
  const bool chosen = token >= 0;
  if (threadIdx.x == 0) nonfinite[r] = chosen ? 0 : 1;
  const auto* from =
      reinterpret_cast<const uint4*>(embedding + static_cast<int64_t>(chosen ? token : 0) * hidden);
  auto* to = reinterpret_cast<uint4*>(h + static_cast<int64_t>(r) * hidden);
  for (int i = threadIdx.x; i < hidden / 8; i += kThreads) to[i] = from[i];
}

}  // namespace

void embed(const Launch& launch, const int32_t* words, int rows, const uint16_t* embedding, int hidden,
           const int32_t* next_tokens, int32_t* page_table, int pages_a_slot, uint16_t* h,
           int32_t* nonfinite) {
  launch_kernel(launch, "embed", embed_kernel, dim3(rows), kThreads, 0, words, embedding, hidden, next_tokens,
                page_table, pages_a_slot, h, nonfinite);
}

}  // namespace ra::cuda
