#include "kernels/rope_table.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/error.h"

namespace ra {
namespace {

// Adding it to a double below 2^51 leaves the nearest whole number in the low bits.
constexpr double kRoundShift = 0x1.8p52;
// ln 2 and pi / 2 in parts; the leading ones end in zeros, so that a small multiple of them is exact.
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kHalfPi1 = 0x1.921fb544p+0, kHalfPi2 = 0x1.0b4611a6p-34, kHalfPi3 = 0x1.3198a2e037073p-69;
constexpr double kTwoPi = 0x1.921fb54442d18p+2;

struct TwoDoubles {
  double high = 0;
  double low = 0;
};

TwoDoubles exact_sum(double a, double b) {
  const double sum = a + b, b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

// ln x for normal x > 0: x = m 2^e with m near 1; ln m = 2 atanh(z), z = (m - 1) / (m + 1).
TwoDoubles natural_logarithm(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m /= 2;
    ++exponent;
  }
  const double above = m - 1, below = m + 1, below_low = m - (below - 1);
  const double z = above / below;
  const double z_low = (std::fma(-z, below, above) - z * below_low) / below;
  const double z2 = z * z;
  double series = 0;  // z^2 (1/3 + z^2 (1/5 + ...))
  for (int n = 25; n >= 3; n -= 2) series = (series + 1.0 / n) * z2;
  const TwoDoubles sum = exact_sum(exponent * kLn2High, 2 * z);
  return {sum.high, sum.low + (2 * z_low + 2 * z * series + exponent * kLn2Low)};
}

// e^(high + low) for |high| < 700.
double exponential(double high, double low) {
  const double n = (high * 0x1.71547652b82fep+0 + kRoundShift) - kRoundShift;
  const double r = (high - n * kLn2High) + (low - n * kLn2Low);
  double sum = 1;  // 1 + r/1 (1 + r/2 (1 + ...))
  for (int i = 16; i >= 1; --i) sum = 1 + sum * r / i;
  const uint64_t scale = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52;
  return sum * std::bit_cast<double>(scale);
}

}  // namespace

double power(double x, double y) {
  const TwoDoubles logarithm = natural_logarithm(x);
  const double high = y * logarithm.high;
  return exponential(high, std::fma(y, logarithm.high, -high) + y * logarithm.low);
}

SinCos sin_cos(double angle) {
  const double n = (angle * 0x1.45f306dc9c883p-1 + kRoundShift) - kRoundShift;  // quarter turns
  const TwoDoubles first = exact_sum(angle - n * kHalfPi1, -n * kHalfPi2);
  const double r = first.high, r_low = first.low - n * kHalfPi3;
  const double r2 = r * r;
  // Series about 0, |r| <= pi / 4, with the first-order effect of the low part.
  double odd = 0, even = 0;
  for (int i = 20; i >= 2; i -= 2) {
    odd = (odd + 1) * -r2 / (i * (i + 1));
    even = (even + 1) * -r2 / (i * (i - 1));
  }
  const double sine = r + (r * odd + r_low * (1 + even)), cosine = 1 + (even - r_low * r);
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

std::vector<float> rope_frequencies(const RopeSpec& spec, int head_dim) {
  check(spec.base > 1 && spec.base < 0x1p60, "a RoPE base between 1 and 2^60");
  std::vector<float> frequencies(head_dim / 2);
  for (int j = 0; j < head_dim / 2; ++j) {
    double frequency = power(spec.base, -2.0 * j / head_dim);
    if (spec.scaling == RopeSpec::Scaling::linear) {
      frequency /= spec.factor;
    } else if (spec.scaling == RopeSpec::Scaling::llama3) {
      // Waves that fit the original context less than low_frequency_factor times are stretched, those that fit more
      // than high_frequency_factor times are kept; between, a blend.
      const double turns = spec.original_positions * frequency / kTwoPi;
      if (turns < spec.low_frequency_factor) {
        frequency /= spec.factor;
      } else if (turns <= spec.high_frequency_factor) {
        const double smooth =
            (turns - spec.low_frequency_factor) / (spec.high_frequency_factor - spec.low_frequency_factor);
        frequency = (1 - smooth) * frequency / spec.factor + smooth * frequency;
      }
    }
    frequencies[j] = static_cast<float>(frequency);
  }
  return frequencies;
}

void rope_rows(const std::vector<float>& frequencies, int first, int count, float* out) {
  for (int position = first; position < first + count; ++position) {
    for (const float frequency : frequencies) {
      // 24 bits times a position below 2^29: exact.
      const SinCos value = sin_cos(static_cast<double>(position) * static_cast<double>(frequency));
      *out++ = static_cast<float>(value.cos);
      *out++ = static_cast<float>(value.sin);
    }
  }
}

}  // namespace ra
