#include "tests/support/hopper_step.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/error.h"

namespace ra::oracle {
namespace {

constexpr int kKeptBits = 25;            // below the greatest exponent
constexpr int kLeastExponent = -133;     // of any step
constexpr int kNoExponent = -1'000'000;  // of a zero
const float kNan = std::bit_cast<float>(0x7fffffffu);

float from_stored(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Rule 1. A finite value as significand * 2^(exponent - fraction_bits), the significand an integer with its sign.
struct Parts {
  int64_t significand = 0;
  int exponent = kNoExponent;
};
Parts parts_of(float v, int fraction_bits) {
  if (v == 0.0f) return {};
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  const int biased = static_cast<int>(bits >> 23 & 0xff);
  int64_t significand = bits & 0x7fffff;
  if (biased > 0) significand += 1 << 23;
  significand >>= 23 - fraction_bits;  // what a bf16 does not have is zero
  return {std::signbit(v) ? -significand : significand, std::max(biased, 1) - 127};
}

// Rule 2. significand * 2^(exponent - fraction_bits) in units of 2^(e - 25), truncated towards zero.
int64_t in_units(int64_t significand, int exponent, int fraction_bits, int e) {
  if (significand == 0) return 0;
  const int shift = exponent - fraction_bits - (e - kKeptBits);
  if (shift >= 0) return significand * (int64_t{1} << shift);
  return shift <= -63 ? 0 : significand / (int64_t{1} << -shift);  // C++ divides towards zero
}

// Rule 3. sum * 2^unit to fp32; the sum has at most 33 bits.
float rounded_towards_zero(int64_t sum, int unit) {
  if (sum == 0) return 0.0f;
  uint64_t magnitude = static_cast<uint64_t>(std::abs(sum));
  const int width = static_cast<int>(std::bit_width(magnitude));
  // fp32 holds 24 bits, and none below 2^-149.
  const int dropped = std::max({width - 24, -149 - unit, 0});
  magnitude = dropped < width ? magnitude >> dropped : 0;
  const float value = width + unit > 128 ? std::numeric_limits<float>::infinity()
                                         : std::ldexp(static_cast<float>(magnitude), dropped + unit);
  return sum < 0 && value != 0.0f ? -value : value;
}

// Rule 4, when an operand is infinite or NaN.
float special_step(float c, const StepOperand& a, const StepOperand& b) {
  bool positive = c == std::numeric_limits<float>::infinity();
  bool negative = c == -std::numeric_limits<float>::infinity();
  bool invalid = std::isnan(c);
  for (int i = 0; i < kStepProducts; ++i) {
    const double product =
        static_cast<double>(from_stored(a[i])) * from_stored(b[i]);  // infinity * 0 is a NaN
    invalid |= std::isnan(product);
    positive |= product == std::numeric_limits<double>::infinity();
    negative |= product == -std::numeric_limits<double>::infinity();
  }
  if (invalid || (positive && negative)) return kNan;
  return positive ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
}

bool is_special(uint16_t bits) {
  return (bits & 0x7f80) == 0x7f80;
}

}  // namespace

float hopper_step(float c, const StepOperand& a, const StepOperand& b) {
  bool special = !std::isfinite(c);
  for (int i = 0; i < kStepProducts; ++i) special |= is_special(a[i]) || is_special(b[i]);
  if (special) return special_step(c, a, b);

  // Rule 1. A bf16 has 7 bits of fraction, so a product 14.
  std::array<Parts, kStepProducts> products;
  const Parts addend = parts_of(c, 23);
  int e = std::max(addend.exponent, kLeastExponent);
  for (int i = 0; i < kStepProducts; ++i) {
    const Parts x = parts_of(from_stored(a[i]), 7), y = parts_of(from_stored(b[i]), 7);
    if (x.significand == 0 || y.significand == 0) continue;
    products[i] = {x.significand * y.significand, x.exponent + y.exponent};
    e = std::max(e, products[i].exponent);
  }
  // Rule 2.
  int64_t sum = in_units(addend.significand, addend.exponent, 23, e);
  for (const Parts& product : products) sum += in_units(product.significand, product.exponent, 14, e);
  // Rule 3.
  return rounded_towards_zero(sum, e - kKeptBits);
}

float fast_hopper_step(float c, const StepOperand& a, const StepOperand& b) {
  // Loops without branches over sixteen lanes, which a compiler turns into vectors.
  int32_t special = 0, greatest = kNoExponent;
  std::array<int32_t, kStepProducts> exponent, product;
  for (int i = 0; i < kStepProducts; ++i) {
    const int32_t biased_a = a[i] >> 7 & 0xff, biased_b = b[i] >> 7 & 0xff;
    special |= static_cast<int32_t>(biased_a == 0xff) | static_cast<int32_t>(biased_b == 0xff);
    const int32_t x = (a[i] & 0x7f) + (biased_a > 0 ? 0x80 : 0),
                  y = (b[i] & 0x7f) + (biased_b > 0 ? 0x80 : 0);
    const int32_t xy = x * y;  // below 2^16
    const int32_t sum = (biased_a > 0 ? biased_a : 1) + (biased_b > 0 ? biased_b : 1) - 254;
    exponent[i] = xy == 0 ? kNoExponent : sum;
    product[i] = xy << 11;  // below 2^27: 14 bits of fraction and 11 more are 25
    greatest = std::max(greatest, exponent[i]);
  }
  const uint32_t c_bits = std::bit_cast<uint32_t>(c);
  const int32_t biased_c = static_cast<int32_t>(c_bits >> 23 & 0xff);
  if (special != 0 || biased_c == 0xff) return hopper_step(c, a, b);
  const int32_t c_magnitude = static_cast<int32_t>(c_bits & 0x7fffff) + (biased_c > 0 ? 1 << 23 : 0);
  const int32_t c_exponent = c_magnitude == 0 ? kNoExponent : std::max(biased_c, 1) - 127;
  const int32_t e = std::max({greatest, c_exponent, kLeastExponent});

  int64_t sum = 0;
  for (int i = 0; i < kStepProducts; ++i) {
    const int32_t shifted = product[i] >> std::min(e - exponent[i], 31);
    const int32_t sign = -static_cast<int32_t>((a[i] ^ b[i]) >> 15 & 1);  // 0 or -1
    sum += (shifted ^ sign) - sign;
  }
  const int64_t shifted_c = (c_magnitude << 2) >> std::min(e - c_exponent, 31);
  sum += std::signbit(c) ? -shifted_c : shifted_c;
  return rounded_towards_zero(sum, e - kKeptBits);
}

float hopper_accumulate(float c, std::span<const float> a, std::span<const float> b) {
  check(a.size() == b.size(), "as many factors on either side of a sum of products");
  const auto stored = [](float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    check((bits & 0xffff) == 0, "a bf16 factor of a tensor core's step");
    return static_cast<uint16_t>(bits >> 16);
  };
  for (size_t begin = 0; begin < a.size(); begin += kStepProducts) {
    StepOperand x{}, y{};
    const size_t count = std::min<size_t>(kStepProducts, a.size() - begin);
    std::transform(a.begin() + begin, a.begin() + begin + count, x.begin(), stored);
    std::transform(b.begin() + begin, b.begin() + begin + count, y.begin(), stored);
    c = fast_hopper_step(c, x, y);
  }
  return c;
}

}  // namespace ra::oracle
