// bf16 as it is stored: the upper half of an fp32.
#pragma once

#include <cstdint>
#include <cstring>

namespace ra {

using Bf16 = uint16_t;

inline float widen(Bf16 value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

// B(x) of numerics.md: to nearest, ties to even; a NaN stays one.
inline Bf16 round_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  if (x != x) return static_cast<Bf16>(bits >> 16 | 0x40);
  return static_cast<Bf16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Whether B(x) is an infinity or a NaN.
inline bool rounds_to_nonfinite(float x) {
  return (round_bf16(x) & 0x7f80) == 0x7f80;
}

}  // namespace ra
