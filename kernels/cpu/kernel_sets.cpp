#include "kernels/cpu/kernel_sets.h"

#include <algorithm>

#include "kernels/cpu/blas.h"

namespace ra {
namespace {

constexpr int kSegmentKeys = 256;  // numerics.md rule 12

KernelChoice rowwise(const LaunchShape&) {
  return {};
}

KernelChoice lanes(int count) {
  KernelChoice choice;
  choice.algorithm = Algorithm::lanes;
  choice.lanes = count;
  return choice;
}

// --- invariant -------------------------------------------------------------------------------------------

// numerics.md rule 6: the width follows from the number of values alone.
KernelChoice norm_by_size(const LaunchShape& shape) {
  if (shape.n == 0) return {};
  return lanes(shape.n <= 2048 ? 256 : 1024);
}

KernelChoice product_by_chain(const LaunchShape&) {
  KernelChoice choice;
  choice.algorithm = Algorithm::fma_chain;
  return choice;
}

KernelChoice attention_by_segments(const LaunchShape&) {
  KernelChoice choice;
  choice.algorithm = Algorithm::segments;
  choice.split_keys = kSegmentKeys;
  return choice;
}

// --- standard --------------------------------------------------------------------------------------------

// Lanes are a power of two here, and lanes without a value add +0: up to 256 values every block gives the
// same bits.
KernelChoice norm_by_rows(const LaunchShape& shape) {
  if (shape.n == 0) return {};
  constexpr int kManyRows = 256;
  return lanes(shape.n <= 256 || shape.rows >= kManyRows ? 256 : 1024);
}

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

KernelSet make_set(const char* name, const char* sum_order_class, Storage storage, Rule norm, Rule product,
                   Rule attention) {
  KernelSet set;
  set.name = name;
  set.sum_order_class = sum_order_class;
  set.storage = storage;
  const auto rule = [&set](Role role) -> Rule& { return set.rules[static_cast<size_t>(role)]; };
  for (Role role : {Role::embed, Role::swiglu}) rule(role) = {"elementwise", rowwise};
  for (Role role : {Role::attention_norm, Role::qk_norm_rope, Role::ffn_norm, Role::final_norm})
    rule(role) = norm;
  for (Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) rule(role) = product;
  rule(Role::attention) = attention;
  return set;
}

}  // namespace

std::vector<KernelSet> cpu_kernel_sets() {
  return {
      make_set("standard", "opaque", Storage::bf16, {"width by rows", norm_by_rows},
               {"BLAS: gemv for one row, gemm beyond", product_by_blas},
               {"shares by rows, keys and threads", attention_by_threads}),
      make_set("invariant", "cpu-fma512/1", Storage::bf16, {"width by size", norm_by_size},
               {"ascending fma", product_by_chain}, {"absolute segments", attention_by_segments}),
      make_set("reference", "fp64", Storage::fp32, {"double sum", double_sum}, {"double sum", double_sum},
               {"double sum", double_sum}),
  };
}

}  // namespace ra
