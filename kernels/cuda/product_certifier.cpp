#include "kernels/cuda/product_certifier.h"

#include <cstring>
#include <vector>

#include "kernels/cuda/product_check.h"
#include "kernels/k16_step.h"

namespace ra::cuda {
namespace {

constexpr int kSampleOutputs = 24;  // a call of equals_steps computes on the processor
constexpr uint32_t kSeed = 0x9e3779b9;

size_t value_bytes(bool fp32_out) {
  return fp32_out ? sizeof(float) : sizeof(uint16_t);
}

void at_least(DeviceBuffer<unsigned char>& buffer, size_t bytes) {
  if (buffer.size() < bytes) buffer = DeviceBuffer<unsigned char>(bytes);
}

}  // namespace

bool ProductCertifier::equals_steps(const Run& run, int rows, int n, int k, bool fp32_out, const uint16_t* w,
                                    uint16_t* x, void* y) {
  std::vector<Bf16> x_row(k), w_row(k);
  for (const bool wide : {false, true}) {
    fill_random(launch_, x, rows, k, kSeed, wide);
    const size_t bytes = static_cast<size_t>(rows) * n * value_bytes(fp32_out);
    cuda_check(cudaMemsetAsync(y, 0xff, bytes, launch_.stream),
               "certification");  // NaN where nothing is written
    run(x, y);
    cuda_check(cudaStreamSynchronize(launch_.stream), "certification");
    for (int i = 0; i < kSampleOutputs; ++i) {
      // Rows and outputs from the first to the last, each with others.
      const int row =
          static_cast<int>(static_cast<int64_t>(i * 7 % kSampleOutputs) * (rows - 1) / (kSampleOutputs - 1));
      const int output = static_cast<int>(static_cast<int64_t>(i) * (n - 1) / (kSampleOutputs - 1));
      const auto fetch = [&](void* to, const void* from, size_t size) {
        cuda_check(cudaMemcpy(to, from, size, cudaMemcpyDeviceToHost), "certification");
      };
      fetch(x_row.data(), x + static_cast<size_t>(row) * k, x_row.size() * sizeof(Bf16));
      fetch(w_row.data(), w + static_cast<size_t>(output) * k, w_row.size() * sizeof(Bf16));
      const float sum = k16_sum(x_row.data(), w_row.data(), k);
      const size_t at = static_cast<size_t>(row) * n + output;
      if (fp32_out) {
        float found = 0;
        fetch(&found, static_cast<const float*>(y) + at, sizeof(found));
        if (std::memcmp(&found, &sum, sizeof(sum)) != 0) return false;
      } else {
        uint16_t found = 0;
        fetch(&found, static_cast<const uint16_t*>(y) + at, sizeof(found));
        if (found != ra::round_bf16(sum)) return false;
      }
    }
  }
  return true;
}

bool ProductCertifier::equals_peer(const Run& run, const Run& peer, int rows, int n, int k, bool fp32_out,
                                   uint16_t* x, void* y) {
  const int x_words = k / 2;
  const int y_words = static_cast<int>(static_cast<size_t>(n) * value_bytes(fp32_out) / sizeof(uint32_t));
  at_least(sample_x_, static_cast<size_t>(kSampleRows) * x_words * sizeof(uint32_t));
  at_least(sample_y_, static_cast<size_t>(kSampleRows) * y_words * sizeof(uint32_t));
  at_least(peer_y_, sample_y_.size());
  cuda_check(cudaMemsetAsync(count_.data(), 0, count_.bytes(), launch_.stream), "certification");
  for (const bool wide : {false, true}) {
    fill_random(launch_, x, rows, k, kSeed, wide);
    cuda_check(
        cudaMemsetAsync(y, 0xff, static_cast<size_t>(rows) * n * value_bytes(fp32_out), launch_.stream),
        "certification");
    run(x, y);
    copy_sample(launch_, x, rows, x_words, sample_x_.data());
    copy_sample(launch_, y, rows, y_words, sample_y_.data());
    peer(reinterpret_cast<const uint16_t*>(sample_x_.data()), peer_y_.data());
    count_differences(launch_, sample_y_.data(), peer_y_.data(), static_cast<int64_t>(kSampleRows) * y_words,
                      count_.data());
  }
  int32_t differences = 0;
  cuda_check(cudaMemcpyAsync(&differences, count_.data(), sizeof(differences), cudaMemcpyDeviceToHost,
                             launch_.stream),
             "certification");
  cuda_check(cudaStreamSynchronize(launch_.stream), "certification");
  return differences == 0;
}

}  // namespace ra::cuda
