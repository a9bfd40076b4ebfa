// What a product's certification runs on the device: inputs that show an order of sums, and a comparison of rows.
#pragma once

#include "kernels/cuda/kernels.h"

namespace ra::cuda {

// x [rows, k] of random bf16 values, a function of the place and the seed alone. Exponents lie within 2^3 of each other, or
// with `wide` within 2^30, where every truncation shows.
void fill_random(const Launch& launch, uint16_t* x, int rows, int k, uint32_t seed, bool wide);

// to [kSampleRows, width] = rows sample_row(0), sample_row(1), ... of from [rows, width], in bytes of 4.
constexpr int kSampleRows = 16;
RA_HOST_DEVICE inline int sample_row(int i, int rows) {
  return static_cast<int>(static_cast<int64_t>(i) * (rows - 1) / (kSampleRows - 1));
}
void copy_sample(const Launch& launch, const void* from, int rows, int words, void* to);

// How many words of a and b differ; adds to *count.
void count_differences(const Launch& launch, const void* a, const void* b, int64_t words, int32_t* count);

}  // namespace ra::cuda
