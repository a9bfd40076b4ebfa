// The values that stored numbers stand for. The block formats are GGML's (ggml-common.h, ggml-quants.c): a
// Q8_0 block is an fp16 scale d and 32 int8 q, values q * d; a Q4_1 block is fp16 d and m and 16 bytes whose
// low halves are values 0 to 15 and high halves 16 to 31, values q * d + m. Both products are exact in fp32,
// so fused or not gives the same bits.
#include <array>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/llm/checkpoint.h"

namespace ra {
namespace {

constexpr int kBlock = 32;

struct TypeLayout {
  const char* name;
  int64_t elements;
  int64_t bytes;
};
constexpr std::array<TypeLayout, 5> kLayouts = {{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"Q8_0", kBlock, 34},
    {"Q4_1", kBlock, 20},
}};
const TypeLayout& layout_of(TensorType type) {
  return kLayouts[static_cast<size_t>(type)];
}

inline uint32_t u16_at(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8;
}

// Multiplying by 2^112 moves the exponent from fp16's bias to fp32's and makes subnormal numbers right; what
// was infinite or not a number would have come out finite, so its exponent is set. A NaN comes out quiet.
inline float fp16_value(uint32_t half) {
  const uint32_t magnitude = half & 0x7fff;
  uint32_t bits = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  bits |= magnitude >= 0x7c00 ? 0x7f800000u : 0u;
  bits |= magnitude > 0x7c00 ? 0x00400000u : 0u;
  return std::bit_cast<float>(bits | (half & 0x8000) << 16);
}

void dequantize_q8_0(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 34, out += kBlock) {
    const float d = fp16_value(u16_at(raw));
    for (int i = 0; i < kBlock; ++i) out[i] = static_cast<float>(static_cast<int8_t>(raw[2 + i])) * d;
  }
}

void dequantize_q4_1(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 20, out += kBlock) {
    const float d = fp16_value(u16_at(raw));
    const float m = fp16_value(u16_at(raw + 2));
    for (int i = 0; i < kBlock / 2; ++i) out[i] = static_cast<float>(raw[4 + i] & 15) * d + m;
    for (int i = 0; i < kBlock / 2; ++i) out[kBlock / 2 + i] = static_cast<float>(raw[4 + i] >> 4) * d + m;
  }
}

}  // namespace

const char* type_name(TensorType type) {
  return layout_of(type).name;
}
int64_t block_elements(TensorType type) {
  return layout_of(type).elements;
}
int64_t block_bytes(TensorType type) {
  return layout_of(type).bytes;
}

void dequantize(TensorType type, const uint8_t* raw, int64_t count, float* out) {
  check(count >= 0 && count % block_elements(type) == 0, "whole blocks of a tensor");
  switch (type) {
    case TensorType::f32:
      std::memcpy(out, raw, static_cast<size_t>(count) * 4);
      return;
    case TensorType::f16:
      for (int64_t i = 0; i < count; ++i) out[i] = fp16_value(u16_at(raw + 2 * i));
      return;
    case TensorType::bf16:
      for (int64_t i = 0; i < count; ++i) out[i] = std::bit_cast<float>(u16_at(raw + 2 * i) << 16);
      return;
    case TensorType::q8_0:
      dequantize_q8_0(raw, count / kBlock, out);
      return;
    case TensorType::q4_1:
      dequantize_q4_1(raw, count / kBlock, out);
      return;
  }
}

}  // namespace ra
