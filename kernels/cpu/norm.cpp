#include "kernels/cpu/norm.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/norm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// tree(v[0..count)): neighbours are added, level by level, in place.
float tree(float* v, int count) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (; count >= 2 * lanes; count /= 2) {
    for (int j = 0; j < count / 2; j += lanes) {
      const auto low = hn::LoadU(d, v + 2 * j), high = hn::LoadU(d, v + 2 * j + lanes);
      hn::StoreU(hn::Add(hn::ConcatEven(d, high, low), hn::ConcatOdd(d, high, low)), d, v + j);
    }
  }
  for (; count > 1; count /= 2) {
    for (int j = 0; j < count / 2; ++j) v[j] = v[2 * j] + v[2 * j + 1];
  }
  return v[0];
}

// [n] -> [n]. Order: lane i mod `lanes` sums its squares by ascending fma; the lanes by a tree.
bool rms_norm_row(const Bf16* x, const float* weight, int n, int lanes, float eps, Bf16* y) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d));
  alignas(64) float sums[kMaxLanes];
  std::fill(sums, sums + lanes, 0.0f);
  for (int base = 0; base < n; base += lanes) {
    const int count = std::min(lanes, n - base);
    int j = 0;
    for (; j + step <= count; j += step) {
      const auto v = load_bf16(d, x + base + j);
      hn::StoreU(hn::MulAdd(v, v, hn::LoadU(d, sums + j)), d, sums + j);
    }
    for (; j < count; ++j) {
      const float v = widen(x[base + j]);
      sums[j] = std::fma(v, v, sums[j]);
    }
  }
  const float sum = tree(sums, lanes);
  const float r = 1.0f / std::sqrt(sum / static_cast<float>(n) + eps);
  const auto scale = hn::Set(d, r);
  int i = 0;
  for (; i + step <= n; i += step) {
    const auto scaled = round_bf16(d, hn::Mul(load_bf16(d, x + i), scale));
    store_bf16(d, round_bf16(d, hn::Mul(scaled, hn::LoadU(d, weight + i))), y + i);
  }
  for (; i < n; ++i) y[i] = ra::round_bf16(widen(ra::round_bf16(widen(x[i]) * r)) * weight[i]);
  return std::isfinite(sum);
}

void add_residual_row(Bf16* h, const Bf16* residual, int n) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + step <= n; i += step) {
    store_bf16(d, round_bf16(d, hn::Add(load_bf16(d, h + i), load_bf16(d, residual + i))), h + i);
  }
  for (; i < n; ++i) h[i] = ra::round_bf16(widen(h[i]) + widen(residual[i]));
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(rms_norm_row);
HWY_EXPORT(add_residual_row);

bool rms_norm(SimdTarget target, const Bf16* x, const float* weight, int n, int lanes, float eps, Bf16* y) {
  return RA_CALL(target, rms_norm_row)(x, weight, n, lanes, eps, y);
}

void add_residual(SimdTarget target, Bf16* h, const Bf16* d, int n) {
  RA_CALL(target, add_residual_row)(h, d, n);
}

}  // namespace ra
#endif
