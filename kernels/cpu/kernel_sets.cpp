#include "kernels/cpu/kernel_sets.h"

#include <algorithm>

#include "kernels/cpu/blas.h"
#include "kernels/set_rules.h"

namespace ra {
namespace {

// --- invariant -------------------------------------------------------------------------------------------

KernelChoice product_by_chain(const LaunchShape&) {
  KernelChoice choice;
  choice.algorithm = Algorithm::fma_chain;
  return choice;
}

// --- standard --------------------------------------------------------------------------------------------

KernelChoice product_by_blas(const LaunchShape& shape) {
  KernelChoice choice;
  choice.algorithm = shape.rows == 1 ? Algorithm::blas_gemv : Algorithm::blas_gemm;
  const int threads = std::min(shape.threads, blas_max_threads());
  choice.library = blas_library() + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  choice.rows = shape.rows;
  choice.n = shape.n;
  choice.k = shape.k;
  return choice;
}

KernelChoice attention_by_threads(const LaunchShape& shape) {
  constexpr int kPaddedKeys = 256;
  constexpr int kLeastKeys = 512;
  const int padded = (shape.max_keys + kPaddedKeys - 1) / kPaddedKeys * kPaddedKeys;
  KernelChoice choice;
  choice.algorithm = Algorithm::splits;
  choice.splits = 1;
  if (shape.rows == 1 && shape.threads > 1 && padded >= kLeastKeys) {
    choice.split_keys = (padded + shape.threads - 1) / shape.threads;
    choice.splits = (padded + choice.split_keys - 1) / choice.split_keys;
  }
  return choice;
}

// --- reference -------------------------------------------------------------------------------------------

KernelChoice double_sum(const LaunchShape&) {
  KernelChoice choice;
  choice.algorithm = Algorithm::fp64;
  return choice;
}

}  // namespace

std::vector<KernelSet> cpu_kernel_sets() {
  return {
      make_kernel_set("standard", "opaque", Storage::bf16, {"width by rows", norm_by_rows},
                      {"BLAS: gemv for one row, gemm beyond", product_by_blas},
                      {"shares by rows, keys and threads", attention_by_threads}),
      make_kernel_set("invariant", "cpu-fma512/1", Storage::bf16, {"width by size", norm_by_size},
                      {"ascending fma", product_by_chain}, {"absolute segments", attention_by_segments}),
      make_kernel_set("reference", "fp64", Storage::fp32, {"double sum", double_sum},
                      {"double sum", double_sum}, {"double sum", double_sum}),
  };
}

}  // namespace ra
