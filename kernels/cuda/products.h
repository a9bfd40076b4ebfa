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

// gate_up and SwiGLU (rule 8) at once: w [2 ffn, k], gates first, y [m, ffn], n = 2 ffn. The rows go by tiles of
// `tile_rows`, one of kGateUpTileRows; which is fastest depends on m. n a multiple of 16, k of 64, pointers to 16 bytes.
constexpr int kGateUpTileRows[] = {64, 128, 168};
bool gate_up_swiglu_fits(int n, int k);
void gate_up_swiglu(const Launch& launch, const Product& product, int tile_rows);

// For any shape, without shared memory: what the others are compared with, and shapes that they do not take.
void plain_product(const Launch& launch, const Product& product);

}  // namespace ra::cuda
