#include "core/llm/rope_factors.h"

#include <algorithm>
#include <cmath>

namespace ra {
namespace {

// llama.cpp's converter computes divisors in fp32 from fp32 frequencies, so they are right to some 1e-6. Parameters
// that differ by one position in 8192 move one by 1e-4.
constexpr double kTolerance = 1e-5;

// What the scaling divides frequency `j` of head_dim / 2 by (transformers' modeling_rope_utils.py).
double divisor(const RopeSpec& rope, size_t j, size_t frequencies) {
  constexpr double kPi = 3.14159265358979323846;
  const double wavelength =
      2 * kPi * std::pow(rope.base, static_cast<double>(j) / static_cast<double>(frequencies));
  const double turns = rope.original_positions / wavelength;
  if (turns > rope.high_frequency_factor) return 1;
  if (turns < rope.low_frequency_factor) return rope.factor;
  const double smooth =
      (turns - rope.low_frequency_factor) / (rope.high_frequency_factor - rope.low_frequency_factor);
  return 1 / ((1 - smooth) / rope.factor + smooth);
}

}  // namespace

std::optional<RopeSpec> llama3_scaling(const RopeSpec& rope, std::span<const float> factors,
                                       std::optional<double> original_positions) {
  RopeSpec scaled = rope;
  scaled.scaling = RopeSpec::Scaling::llama3;
  scaled.low_frequency_factor = 1;
  scaled.high_frequency_factor = 4;
  scaled.original_positions = original_positions.value_or(8192);
  scaled.factor = 1;
  for (float factor : factors) scaled.factor = std::max(scaled.factor, static_cast<double>(factor));
  for (size_t j = 0; j < factors.size(); ++j) {
    const double expected = divisor(scaled, j, factors.size());
    if (!(std::abs(static_cast<double>(factors[j]) - expected) <= kTolerance * expected)) return std::nullopt;
  }
  return scaled;
}

}  // namespace ra
