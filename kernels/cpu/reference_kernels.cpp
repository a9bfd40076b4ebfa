#include "kernels/cpu/reference_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ra::reference {

// a [count], b [count]. Order: i mod 8, ascending; then neighbours pairwise.
double dot(const float* a, const float* b, int count) {
  constexpr int kLanes = 8;
  double sum[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) sum[j] += static_cast<double>(a[i + j]) * static_cast<double>(b[i + j]);
  }
  for (int j = 0; i < count; ++i, ++j) sum[j] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

// [count]. Order: dot's.
bool rms_norm(const float* x, const float* weight, int count, float eps, float* y) {
  const double squares = dot(x, x, count);
  const double scale = 1.0 / std::sqrt(squares / count + static_cast<double>(eps));
  for (int i = 0; i < count; ++i) y[i] = static_cast<float>(x[i] * scale * weight[i]);
  return std::isfinite(squares);
}

void rope(float* head, const float* turn, int head_dim) {
  const int half = head_dim / 2;
  for (int j = 0; j < half; ++j) {
    const double a = head[j], b = head[j + half];
    const double c = turn[2 * j], s = turn[2 * j + 1];
    head[j] = static_cast<float>(a * c - b * s);
    head[j + half] = static_cast<float>(b * c + a * s);
  }
}

// q [head_dim], k and v [keys, head_dim] in pages -> [head_dim]. Order: dot's for scores; keys ascending for both sums.
void attention(const float* q, const float* k, const float* v, const int32_t* pages, size_t page_stride,
               int keys, int head_dim, double* scores, float* out) {
  const auto row = [&](const float* base, int i) {
    return base + static_cast<size_t>(pages[i / kPageKeys]) * page_stride +
           static_cast<size_t>(i % kPageKeys) * head_dim;
  };
  const double scale = 1.0 / std::sqrt(static_cast<double>(head_dim));
  double most = -std::numeric_limits<double>::infinity();
  for (int i = 0; i < keys; ++i) {
    scores[i] = dot(q, row(k, i), head_dim) * scale;
    most = std::max(most, scores[i]);
  }
  double total = 0;
  std::vector<double> sum(head_dim, 0.0);
  for (int i = 0; i < keys; ++i) {
    const double p = std::exp(scores[i] - most);
    const float* values = row(v, i);
    total += p;
    for (int d = 0; d < head_dim; ++d) sum[d] += p * values[d];
  }
  for (int d = 0; d < head_dim; ++d) out[d] = static_cast<float>(sum[d] / total);
}

float swiglu(float gate, float up) {
  const double g = gate;
  return static_cast<float>(g / (1.0 + std::exp(-g)) * up);
}

}  // namespace ra::reference
