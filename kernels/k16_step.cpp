#include "kernels/k16_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ra {
namespace {

constexpr int kKeptBits = 25;
constexpr int kProductFraction = 14;  // bits after the point of a product of two significands of 1 + 7 bits
constexpr int kSumFraction = 23;
constexpr int kLeastExponent = -126;  // of fp32 and bf16, denormals too
constexpr int kLeastSeen = -133;      // no step has a lesser e: nothing below 2^-158 is seen

float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// A finite addend as significand * 2^(exponent - fraction).
struct Addend {
  int64_t significand;
  int exponent;
  int fraction;

  // In units of 2^unit, towards zero.
  int64_t in_units(int unit) const {
    if (significand == 0) return 0;  // of any exponent: nothing looked for the unit of it
    const int shift = exponent - fraction - unit;
    if (shift >= 0) return significand * (int64_t{1} << shift);  // at most 2^27: unit is never far below
    const int64_t magnitude = std::abs(significand);
    const int64_t kept = shift <= -63 ? 0 : magnitude >> -shift;
    return significand < 0 ? -kept : kept;
  }
};

Addend sum_addend(float c) {
  uint32_t bits;
  std::memcpy(&bits, &c, sizeof(bits));
  const int biased = static_cast<int>(bits >> 23 & 0xff);
  const int64_t significand = static_cast<int64_t>(bits & 0x7fffff) + (biased > 0 ? 1 << 23 : 0);
  return {bits >> 31 ? -significand : significand, std::max(biased - 127, kLeastExponent), kSumFraction};
}

Addend product_addend(Bf16 a, Bf16 b) {
  const auto significand = [](Bf16 v) { return (v & 0x7f) + ((v & 0x7f80) != 0 ? 0x80 : 0); };
  const auto exponent = [](Bf16 v) { return std::max((v >> 7 & 0xff) - 127, kLeastExponent); };
  const int64_t product = static_cast<int64_t>(significand(a)) * significand(b);
  return {(a ^ b) >> 15 & 1 ? -product : product, exponent(a) + exponent(b), kProductFraction};
}

bool is_special(Bf16 v) {
  return (v & 0x7f80) == 0x7f80;
}

// What wins where an operand is infinite or no number.
float special_step(float c, const Bf16* a, const Bf16* b) {
  bool above = c == std::numeric_limits<float>::infinity(),
       below = c == -std::numeric_limits<float>::infinity();
  bool invalid = std::isnan(c);
  for (int i = 0; i < kStepProducts; ++i) {
    const double product = static_cast<double>(widen(a[i])) * static_cast<double>(widen(b[i]));
    invalid = invalid || std::isnan(product);
    above = above || product == std::numeric_limits<double>::infinity();
    below = below || product == -std::numeric_limits<double>::infinity();
  }
  if (invalid || (above && below)) return from_bits(0x7fffffff);
  return above ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
}

}  // namespace

float k16_step(float c, const Bf16* a, const Bf16* b) {
  bool special = !std::isfinite(c);
  for (int i = 0; i < kStepProducts; ++i) special = special || is_special(a[i]) || is_special(b[i]);
  if (special) return special_step(c, a, b);

  Addend addends[kStepProducts + 1];
  addends[kStepProducts] = sum_addend(c);
  for (int i = 0; i < kStepProducts; ++i) addends[i] = product_addend(a[i], b[i]);
  int greatest = kLeastSeen;
  for (const Addend& addend : addends) {
    if (addend.significand != 0) greatest = std::max(greatest, addend.exponent);
  }
  const int unit = greatest - kKeptBits;
  int64_t sum = 0;
  for (const Addend& addend : addends) sum += addend.in_units(unit);
  if (sum == 0) return 0.0f;

  // Towards zero to 24 bits, and to nothing below the least denormal, 2^-149.
  int64_t magnitude = std::abs(sum);
  int width = 0;
  while (magnitude >> width != 0) ++width;
  const int dropped = std::max({width - 24, -149 - unit, 0});
  magnitude = dropped >= 63 ? 0 : magnitude >> dropped;
  const float value = width + unit > 128 ? std::numeric_limits<float>::infinity()
                                         : std::ldexp(static_cast<float>(magnitude), dropped + unit);
  return sum < 0 && magnitude != 0 ? -value : value;  // what rounds to nothing is +0
}

float k16_sum(const Bf16* a, const Bf16* b, int k) {
  float sum = 0.0f;
  int at = 0;
  for (; at + kStepProducts <= k; at += kStepProducts) sum = k16_step(sum, a + at, b + at);
  if (at == k) return sum;
  Bf16 last_a[kStepProducts] = {}, last_b[kStepProducts] = {};
  std::copy(a + at, a + k, last_a);
  std::copy(b + at, b + k, last_b);
  return k16_step(sum, last_a, last_b);
}

}  // namespace ra
