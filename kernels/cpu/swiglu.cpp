#include "kernels/cpu/swiglu.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/swiglu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/bf16-inl.h"
#include "kernels/cpu/exp2-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {

// [n], [n] -> [n]. Order: element by element.
void swiglu_row(const Bf16* gate, const Bf16* up, int n, Bf16* y) {
  const hn::ScalableTag<float> d;
  const int step = static_cast<int>(hn::Lanes(d));
  const auto one_vector = [&](const Bf16* g16, const Bf16* u16, Bf16* out) HWY_ATTR {
    const auto g = load_bf16(d, g16), u = load_bf16(d, u16);
    const auto scaled = hn::Mul(g, hn::Set(d, -0x1.715476p+0f));
    const auto v = hn::Max(hn::Min(scaled, hn::Set(d, 125.0f)), hn::Set(d, -125.0f));
    hn::Vec<hn::RebindToSigned<decltype(d)>> i;
    hn::Vec<decltype(d)> p;
    exp2_pair(d, v, i, p);
    const auto a = hn::Div(g, hn::Add(hn::Set(d, 1.0f), scale_by_exponent(d, p, i)));
    store_bf16(d, round_bf16(d, hn::Mul(round_bf16(d, a), u)), out);
  };
  int i = 0;
  for (; i + step <= n; i += step) one_vector(gate + i, up + i, y + i);
  if (i < n) {
    constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<float>());
    Bf16 g[kLanes] = {}, u[kLanes] = {}, rest[kLanes];
    std::copy(gate + i, gate + n, g);
    std::copy(up + i, up + n, u);
    one_vector(g, u, rest);
    std::copy(rest, rest + (n - i), y + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ra {

HWY_EXPORT(swiglu_row);

void swiglu(SimdTarget target, const Bf16* gate, const Bf16* up, int n, Bf16* y) {
  RA_CALL(target, swiglu_row)(gate, up, n, y);
}

}  // namespace ra
#endif
