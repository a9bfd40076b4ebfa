// Products of numerics.md rules 2 and 3 in class cpu-fma512/1: y[r,n] = sum over k of x[r,k] w[n,k], plus bias[n].
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/simd_target.h"
#include "kernels/thread_pool.h"

namespace ra {

// Where a product's rows go: rounded to bf16, or as fp32 sums. One of the two is null.
struct ProductOutput {
  Bf16* rounded = nullptr;  // [rows, n]
  float* sums = nullptr;    // [rows, n]
  uint8_t* nonfinite =
      nullptr;  // [rows] or null; set to 1 where a rounded value is an infinity or a NaN, left alone elsewhere
  const float* bias = nullptr;  // [n] or null; added before the rounding
};

// Room that each thread keeps between products for its copy of x.
struct ProductScratch {
  explicit ProductScratch(int threads) : x(threads) {}
  std::vector<AlignedBuffer<float>> x;  // one a thread, grown as needed
};

// x is [rows, w.k], row after row.
void fma_product(SimdTarget target, ThreadPool& pool, const PackedMatrix& w, const Bf16* x, int rows,
                 const ProductOutput& out, ProductScratch& scratch);

}  // namespace ra
