// Our own products by k16 steps (class hopper-k16/1): y [m, n] = x [m, k] times w [n, k] transposed, as bf16 or as fp32 sums.
// Every output is one chain of k16 steps in ascending k from +0, so all of them and the library's flat candidates have
// the same bits (numerics.md rule 2).
#pragma once

#include "kernels/cuda/kernels.h"

namespace ra::cuda {

struct Product {
  const uint16_t* w = nullptr;  // [n, k]
  const uint16_t* x = nullptr;  // [m, k]
  uint16_t* y = nullptr;        // [m, n], or
  float* sums = nullptr;        // [m, n]
  int m = 0;
  int n = 0;
  int k = 0;
};

// For few rows: bound by reading w once. m <= kDecodeRows, k a multiple of 64, pointers to 16 bytes.
constexpr int kDecodeRows = 16;
bool decode_product_fits(int m, int n, int k);
void decode_product(const Launch& launch, const Product& product);

// For any shape, without shared memory: what the others are compared with, and shapes that they do not take.
void plain_product(const Launch& launch, const Product& product);

}  // namespace ra::cuda
