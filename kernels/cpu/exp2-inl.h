// exp2 of numerics.md rule 7, for the target that is being compiled.
#if defined(RA_KERNELS_CPU_EXP2_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef RA_KERNELS_CPU_EXP2_INL_H
#undef RA_KERNELS_CPU_EXP2_INL_H
#else
#define RA_KERNELS_CPU_EXP2_INL_H
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 2^u = p * 2^i for |u| <= 2^20.
template <class D>
HWY_INLINE void exp2_pair(D d, hn::Vec<D> u, hn::Vec<hn::RebindToSigned<D>>& i, hn::Vec<D>& p) {
  const hn::RebindToSigned<D> di;
  const auto shift = hn::Set(d, 12582912.0f);  // 1.5 * 2^23: what is added to it is rounded to a whole number
  const auto t = hn::Add(u, shift);
  i = hn::Sub(hn::BitCast(di, t), hn::Set(di, 0x4B400000));
  const auto f = hn::Sub(u, hn::Sub(t, shift));
  p = hn::MulAdd(hn::Set(d, 0x1.5bba14p-10f), f, hn::Set(d, 0x1.3cea88p-7f));
  p = hn::MulAdd(p, f, hn::Set(d, 0x1.c6b752p-5f));
  p = hn::MulAdd(p, f, hn::Set(d, 0x1.ebf9bcp-3f));
  p = hn::MulAdd(p, f, hn::Set(d, 0x1.62e42ap-1f));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0f));
}

// p * 2^i by adding i to p's exponent; 0 for i < -125. i <= 125.
template <class D>
HWY_INLINE hn::Vec<D> scale_by_exponent(D d, hn::Vec<D> p, hn::Vec<hn::RebindToSigned<D>> i) {
  const hn::RebindToSigned<D> di;
  const auto scaled = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(i)));
  const auto kept = hn::RebindMask(d, hn::Gt(i, hn::Set(di, -126)));
  return hn::IfThenElseZero(kept, scaled);
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#endif
