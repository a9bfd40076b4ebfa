// bf16 in vectors, for the target that is being compiled. Conversions are by integers: the instructions that convert
// flush denormals.
#if defined(RA_KERNELS_CPU_BF16_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef RA_KERNELS_CPU_BF16_INL_H
#undef RA_KERNELS_CPU_BF16_INL_H
#else
#define RA_KERNELS_CPU_BF16_INL_H
#endif

#include "hwy/highway.h"
#include "kernels/bf16.h"

HWY_BEFORE_NAMESPACE();
namespace ra {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Floats = hn::Vec<D>;

// Lanes(d) consecutive stored values, widened.
template <class D>
HWY_INLINE Floats<D> load_bf16(D d, const Bf16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, p))));
}

// B(x) as the upper halves of 32-bit lanes; the lower halves are zero.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> round_bits(D, Floats<D> x) {
  const hn::RebindToUnsigned<D> d32;
  const auto bits = hn::BitCast(d32, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fff)));
  const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000));
  const auto nan = hn::RebindMask(d32, hn::IsNaN(x));
  return hn::And(hn::IfThenElse(nan, quiet, rounded), hn::Set(d32, 0xffff0000));
}

// B(x) as fp32.
template <class D>
HWY_INLINE Floats<D> round_bf16(D d, Floats<D> x) {
  return hn::BitCast(d, round_bits(d, x));
}

// Stores the upper halves of `x`, values that are bf16 already.
template <class D>
HWY_INLINE void store_bf16(D, Floats<D> x, Bf16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di32;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di32, hn::ShiftRight<16>(hn::BitCast(d32, x)))), d16, p);
}

// Whether any lane is an infinity or a NaN.
template <class D>
HWY_INLINE bool any_nonfinite(D d, Floats<D> x) {
  return !hn::AllTrue(d, hn::IsFinite(x));
}

// Two k-neighbours lie in one 32-bit word, the even one in its lower half.
template <class D>
HWY_INLINE Floats<D> even_of_pairs(D d, hn::Vec<hn::RebindToUnsigned<D>> pairs) {
  return hn::BitCast(d, hn::ShiftLeft<16>(pairs));
}
template <class D>
HWY_INLINE Floats<D> odd_of_pairs(D d, hn::Vec<hn::RebindToUnsigned<D>> pairs) {
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::And(pairs, hn::Set(d32, 0xffff0000)));
}
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> load_pairs(D, const Bf16* p) {
  const hn::RebindToUnsigned<D> d32;
  const hn::Repartition<uint16_t, D> d16;
  return hn::BitCast(d32, hn::LoadU(d16, p));
}

}  // namespace HWY_NAMESPACE
}  // namespace ra
HWY_AFTER_NAMESPACE();

#endif
