#include <algorithm>

#include "kernels/cpu/reference_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/reference_product.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, 8>;
using V = hn::Vec<D>;

// Sums of kRows rows of x, `stride` apart, with one row of weights, `k` values each. Order: reference::dot's; a product
// of two floats is exact in double, so that its fma here is the multiplication and addition there.
template <int kRows>
void dots(const float* x, size_t stride, const float* weights, int k, double* sums) {
  const D d;
  const hn::Rebind<float, D> df;
  constexpr int kStep = HWY_LANES(double) < 8 ? HWY_LANES(double) : 8;
  constexpr int kVectors = 8 / kStep;
  V sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  int i = 0;
  for (; i + 8 <= k; i += 8) {
    for (int v = 0; v < kVectors; ++v) {
      const V w = hn::PromoteTo(d, hn::LoadU(df, weights + i + v * kStep));
      for (int r = 0; r < kRows; ++r) {
        sum[r][v] = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(df, x + r * stride + i + v * kStep)), w, sum[r][v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    double lane[8];
    for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, lane + v * kStep);
    for (int j = 0; i + j < k; ++j) lane[j] += static_cast<double>(x[r * stride + i + j]) * weights[i + j];
    sums[r] = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  }
}

void product_rows(const float* x, int rows, int k, const float* w, const float* bias, int n, int first,
                  int count, float* y) {
  constexpr int kRowsABlock = 32;  // stay in the cache while the weights pass by
  constexpr int kRowsAtOnce = 4;   // share a conversion of the weights
  for (int block = 0; block < rows; block += kRowsABlock) {
    const int end = std::min(rows, block + kRowsABlock);
    for (int j = first; j < first + count; ++j) {
      const float* weights = w + static_cast<size_t>(j) * k;
      const double added = bias != nullptr ? static_cast<double>(bias[j]) : 0.0;
      double sums[kRowsAtOnce];
      for (int r = block; r < end; r += kRowsAtOnce) {
        const float* xr = x + static_cast<size_t>(r) * k;
        const int together = std::min(kRowsAtOnce, end - r);
        if (together == kRowsAtOnce) {
          dots<kRowsAtOnce>(xr, k, weights, k, sums);
        } else {
          for (int i = 0; i < together; ++i)
            dots<1>(xr + static_cast<size_t>(i) * k, k, weights, k, sums + i);
        }
        for (int i = 0; i < together; ++i)
          y[static_cast<size_t>(r + i) * n + j] = static_cast<float>(sums[i] + added);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra::reference {

HWY_EXPORT(product_rows);

// [rows, k] x [n, k] + [n] -> [rows, n]. Order: dot's, then the bias.
void product(SimdTarget target, const float* x, int rows, int k, const float* w, const float* bias, int n,
             int first, int count, float* y) {
  RA_CALL(target, product_rows)(x, rows, k, w, bias, n, first, count, y);
}

}  // namespace ra::reference
#endif
