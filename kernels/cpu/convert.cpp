#include "kernels/cpu/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/convert.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// [n] -> [n]. Order: element by element.
void widen_values(const Bf16* x, size_t n, float* y) {
  const hn::ScalableTag<float> d;
  const size_t step = hn::Lanes(d);
  size_t i = 0;
  for (; i + step <= n; i += step) hn::StoreU(load_bf16(d, x + i), d, y + i);
  for (; i < n; ++i) y[i] = ra::widen(x[i]);
}

// [n] -> [n]. Order: element by element.
bool round_values(const float* x, const float* bias, size_t n, Bf16* y) {
  const hn::ScalableTag<float> d;
  const size_t step = hn::Lanes(d);
  auto finite = hn::FirstN(d, step);
  size_t i = 0;
  for (; i + step <= n; i += step) {
    const auto s = hn::LoadU(d, x + i);
    const auto rounded = round_bf16(d, bias != nullptr ? hn::Add(s, hn::LoadU(d, bias + i)) : s);
    finite = hn::And(finite, hn::IsFinite(rounded));
    store_bf16(d, rounded, y + i);
  }
  bool rest_finite = true;
  for (; i < n; ++i) {
    const float s = bias != nullptr ? x[i] + bias[i] : x[i];
    rest_finite = rest_finite && !rounds_to_nonfinite(s);
    y[i] = ra::round_bf16(s);
  }
  return rest_finite && hn::AllTrue(d, finite);
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(widen_values);
HWY_EXPORT(round_values);

void widen_row(SimdTarget target, const Bf16* x, size_t n, float* y) {
  RA_CALL(target, widen_values)(x, n, y);
}

bool round_row(SimdTarget target, const float* x, const float* bias, size_t n, Bf16* y) {
  return RA_CALL(target, round_values)(x, bias, n, y);
}

}  // namespace ra
#endif
