#include "tests/support/step_inputs.h"

#include <bit>
#include <utility>

#include "tests/support/tiny_model.h"

namespace ra {
namespace {

using oracle::kStepProducts;

// Draws of one step, in order.
class Draws {
 public:
  Draws(StepKind kind, uint64_t index) : seed_(index * kStepKinds.size() + static_cast<uint64_t>(kind)) {}
  uint32_t bits() { return static_cast<uint32_t>(random_bits(seed_, count_++) >> 32); }
  int below(int n) { return static_cast<int>(bits() % static_cast<uint32_t>(n)); }
  bool one_of(int n) { return below(n) == 0; }

  // A bf16, or an fp32, of any sign and fraction, its biased exponent in [low, high].
  uint16_t bf16(int low, int high) { return static_cast<uint16_t>(fp32(low, high) >> 16); }
  uint32_t fp32(int low, int high) {
    const uint32_t exponent = static_cast<uint32_t>(low + below(high - low + 1));
    return (bits() & 0x807fffff) | exponent << 23;
  }
  uint16_t zero() { return static_cast<uint16_t>(below(2) << 15); }

 private:
  uint64_t seed_;
  uint64_t count_ = 0;
};

// a_i in [a_low, a_high], b_i in [b_low, b_high] and c in [c_low, c_high], biased exponents.
struct Ranges {
  int a_low, a_high, b_low, b_high, c_low, c_high;
};
Ranges ranges_of(StepKind kind) {
  switch (kind) {
    case StepKind::wide:
      return {67, 187, 67, 187, 67, 187};
    case StepKind::denormal:
      return {0, 0, 100, 254, 0, 120};
    case StepKind::tiny:
    case StepKind::tiny_and_zero:
      return {0, 70, 30, 70, 0, 12};
    case StepKind::any_finite:
      return {0, 254, 0, 254, 0, 254};
    case StepKind::near_overflow:
      return {186, 190, 186, 191, 240, 254};
    default:
      return {119, 135, 119, 135, 119, 135};
  }
}

}  // namespace

const char* step_kind_name(StepKind kind) {
  constexpr std::array kNames = {"normal",     "wide",  "denormal",   "tiny",     "tiny_and_zero",
                                 "cancelling", "zeros", "any_finite", "any_bits", "near_overflow"};
  static_assert(kNames.size() == kStepKinds.size());
  return kNames[static_cast<size_t>(kind)];
}

StepOperands random_step(StepKind kind, uint64_t index) {
  Draws draws(kind, index);
  StepOperands step;
  const auto [a_low, a_high, b_low, b_high, c_low, c_high] = ranges_of(kind);
  const bool any_bits = kind == StepKind::any_bits;
  for (int i = 0; i < kStepProducts; ++i) {
    step.a[i] = any_bits ? static_cast<uint16_t>(draws.bits()) : draws.bf16(a_low, a_high);
    step.b[i] = any_bits ? static_cast<uint16_t>(draws.bits()) : draws.bf16(b_low, b_high);
  }
  uint32_t c = any_bits ? draws.bits() : draws.fp32(c_low, c_high);
  // Among any bits 1 of 256 operands is infinite or NaN: half of the steps have none.
  if (kind == StepKind::cancelling) {
    for (int i = 0; i < kStepProducts; i += 2) {
      step.a[i + 1] = step.a[i] ^ 0x8000;
      step.b[i + 1] = static_cast<uint16_t>(step.b[i] ^ (draws.one_of(4) ? 1 : 0));
    }
    if (draws.one_of(2)) c = draws.zero() << 16;
  }
  if (kind == StepKind::zeros || kind == StepKind::tiny_and_zero) {
    for (int i = 0; i < kStepProducts; ++i) {
      if (!draws.one_of(4)) step.a[i] = draws.zero();
      if (kind == StepKind::zeros && !draws.one_of(4)) step.b[i] = draws.zero();
    }
    if (!draws.one_of(4)) c = static_cast<uint32_t>(draws.zero()) << 16;
  }
  // Which side is the small one must not matter.
  if (draws.one_of(2)) std::swap(step.a, step.b);
  step.c = std::bit_cast<float>(c);
  return step;
}

}  // namespace ra
