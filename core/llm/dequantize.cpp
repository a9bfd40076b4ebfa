// The values that stored numbers stand for. The block formats are GGML's (ggml-common.h, ggml-quants.c). In each a
// value is a whole number times a scale, some with an offset added; the products are exact in fp32 (at most 24 bits), so
// that only the addition rounds, and fused or not gives the same bits.
#include <array>
#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/llm/tensor_type.h"
#include "core/llm/word_list.h"

namespace ra {
namespace {

constexpr int kBlock = 32;
constexpr int kSuperBlock =
    256;  // of the types named _K and IQ4_XS: parts of 16 or 32 with scales of their own

inline uint32_t u16_at(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8;
}
inline uint32_t u32_at(const uint8_t* bytes) {
  return u16_at(bytes) | u16_at(bytes + 2) << 16;
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
inline float fp16_at(const uint8_t* bytes) {
  return fp16_value(u16_at(bytes));
}

// --- numbers one by one: [blocks] -> [blocks] -----------------------------------------------------

void read_f32(const uint8_t* raw, int64_t blocks, float* out) {
  std::memcpy(out, raw, static_cast<size_t>(blocks) * 4);
}

void read_f16(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t i = 0; i < blocks; ++i) out[i] = fp16_at(raw + 2 * i);
}

void read_bf16(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t i = 0; i < blocks; ++i) out[i] = std::bit_cast<float>(u16_at(raw + 2 * i) << 16);
}

// --- blocks of 32: a scale d, in some an offset m, and numbers ------------------------------------

// Numbers of 4 bits: byte i has value i in its low half and value i + 16 in its high half.

void read_q8_0(const uint8_t* raw, int64_t blocks, float* out) {  // d, int8[32]
  for (int64_t b = 0; b < blocks; ++b, raw += 34, out += kBlock) {
    const float d = fp16_at(raw);
    for (int i = 0; i < kBlock; ++i) out[i] = static_cast<float>(static_cast<int8_t>(raw[2 + i])) * d;
  }
}

void read_q4_0(const uint8_t* raw, int64_t blocks, float* out) {  // d, 4 bits[32] from -8
  for (int64_t b = 0; b < blocks; ++b, raw += 18, out += kBlock) {
    const float d = fp16_at(raw);
    for (int i = 0; i < kBlock / 2; ++i) {
      out[i] = static_cast<float>((raw[2 + i] & 15) - 8) * d;
      out[kBlock / 2 + i] = static_cast<float>((raw[2 + i] >> 4) - 8) * d;
    }
  }
}

void read_q4_1(const uint8_t* raw, int64_t blocks, float* out) {  // d, m, 4 bits[32]
  for (int64_t b = 0; b < blocks; ++b, raw += 20, out += kBlock) {
    const float d = fp16_at(raw), m = fp16_at(raw + 2);
    for (int i = 0; i < kBlock / 2; ++i) {
      out[i] = static_cast<float>(raw[4 + i] & 15) * d + m;
      out[kBlock / 2 + i] = static_cast<float>(raw[4 + i] >> 4) * d + m;
    }
  }
}

// Number i of 5 bits: its fifth is bit i of a word before the halves.
inline int five_bits(uint32_t fifth, const uint8_t* halves, int i) {
  const int low = i < kBlock / 2 ? halves[i] & 15 : halves[i - kBlock / 2] >> 4;
  return low | static_cast<int>(fifth >> i & 1) << 4;
}

void read_q5_0(const uint8_t* raw, int64_t blocks, float* out) {  // d, fifth bits, 4 bits[32]; from -16
  for (int64_t b = 0; b < blocks; ++b, raw += 22, out += kBlock) {
    const float d = fp16_at(raw);
    const uint32_t fifth = u32_at(raw + 2);
    for (int i = 0; i < kBlock; ++i) out[i] = static_cast<float>(five_bits(fifth, raw + 6, i) - 16) * d;
  }
}

void read_q5_1(const uint8_t* raw, int64_t blocks, float* out) {  // d, m, fifth bits, 4 bits[32]
  for (int64_t b = 0; b < blocks; ++b, raw += 24, out += kBlock) {
    const float d = fp16_at(raw), m = fp16_at(raw + 2);
    const uint32_t fifth = u32_at(raw + 4);
    for (int i = 0; i < kBlock; ++i) out[i] = static_cast<float>(five_bits(fifth, raw + 8, i)) * d + m;
  }
}

// What IQ4's 4-bit numbers stand for (kvalues_iq4nl).
constexpr float kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void read_iq4_nl(const uint8_t* raw, int64_t blocks, float* out) {  // d, 4 bits[32]
  for (int64_t b = 0; b < blocks; ++b, raw += 18, out += kBlock) {
    const float d = fp16_at(raw);
    for (int i = 0; i < kBlock / 2; ++i) {
      out[i] = d * kIq4Values[raw[2 + i] & 15];
      out[kBlock / 2 + i] = d * kIq4Values[raw[2 + i] >> 4];
    }
  }
}

// --- super-blocks of 256 --------------------------------------------------------------------------

// 2-bit number i of the part of 16 that begins at value 16 * part: bytes 0 to 31 have values 0 to 127, 32 of them at
// each pair of bits; bytes 32 to 63 the others.
inline int two_bits(const uint8_t* numbers, int part, int i) {
  return numbers[part / 8 * 32 + part % 2 * 16 + i] >> (part % 8 / 2 * 2) & 3;
}

// 16 parts of 16: scales (low half a byte) and offsets (high half), 2 bits[256], d, m.
void read_q2_k(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 84) {
    const float d = fp16_at(raw + 80), m = fp16_at(raw + 82);
    for (int part = 0; part < 16; ++part, out += 16) {
      const float scale = d * static_cast<float>(raw[part] & 15);
      const float offset = m * static_cast<float>(raw[part] >> 4);
      for (int i = 0; i < 16; ++i) out[i] = scale * static_cast<float>(two_bits(raw + 16, part, i)) - offset;
    }
  }
}

// 16 parts of 16: third bits[256], 2 bits[256], scales of 6 bits from -32, d. Byte i of the third bits has those of
// values i, i + 32, ...; where it is absent, 4 is taken away. Scale j's lower half lies in byte j mod 8, its upper two
// bits in byte 8 + j mod 4.
void read_q3_k(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 110) {
    const uint8_t* scales = raw + 96;
    const float d = fp16_at(raw + 108);
    for (int part = 0; part < 16; ++part, out += 16) {
      const int low = part < 8 ? scales[part] & 15 : scales[part - 8] >> 4;
      const int high = scales[8 + part % 4] >> (part / 4 * 2) & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const uint8_t* third = raw + part % 2 * 16;
      for (int i = 0; i < 16; ++i) {
        const int number = two_bits(raw + 32, part, i) + (third[i] >> (part / 2) & 1) * 4 - 4;
        out[i] = scale * static_cast<float>(number);
      }
    }
  }
}

// Scales and offsets of Q4_K's and Q5_K's 8 parts of 32, 6 bits each in 12 bytes.
struct PartScales {
  float scale[8], offset[8];
};
PartScales part_scales(float d, float m, const uint8_t* packed) {
  PartScales parts;
  for (int j = 0; j < 8; ++j) {
    const int scale = j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | packed[j - 4] >> 6 << 4;
    const int offset = j < 4 ? packed[j + 4] & 63 : packed[j + 4] >> 4 | packed[j] >> 6 << 4;
    parts.scale[j] = d * static_cast<float>(scale);
    parts.offset[j] = m * static_cast<float>(offset);
  }
  return parts;
}

// d, m, the parts' scales, 4 bits[256]: 32 bytes have one part in their low halves and the next in their high ones.
void read_q4_k(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 144, out += kSuperBlock) {
    const PartScales parts = part_scales(fp16_at(raw), fp16_at(raw + 2), raw + 4);
    const uint8_t* numbers = raw + 16;
    for (int part = 0; part < 8; ++part) {
      for (int i = 0; i < 32; ++i) {
        const int number = numbers[part / 2 * 32 + i] >> (part % 2 * 4) & 15;
        out[part * 32 + i] = parts.scale[part] * static_cast<float>(number) - parts.offset[part];
      }
    }
  }
}

// As Q4_K, with fifth bits[256] before the 4 bits: byte i has those of value i of every part.
void read_q5_k(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 176, out += kSuperBlock) {
    const PartScales parts = part_scales(fp16_at(raw), fp16_at(raw + 2), raw + 4);
    const uint8_t *fifth = raw + 16, *numbers = raw + 48;
    for (int part = 0; part < 8; ++part) {
      for (int i = 0; i < 32; ++i) {
        const int low = numbers[part / 2 * 32 + i] >> (part % 2 * 4) & 15;
        const int number = low | (fifth[i] >> part & 1) << 4;
        out[part * 32 + i] = parts.scale[part] * static_cast<float>(number) - parts.offset[part];
      }
    }
  }
}

// 16 parts of 16: 4 bits[256], upper 2 bits[256] as Q2_K's, int8 scales, d; numbers from -32. Each half of the block has
// 64 bytes of lower bits, the first 64 values in their low halves.
void read_q6_k(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 210) {
    const float d = fp16_at(raw + 208);
    for (int part = 0; part < 16; ++part, out += 16) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(raw[192 + part]));
      const uint8_t* halves = raw + part / 8 * 64 + part % 4 * 16;
      for (int i = 0; i < 16; ++i) {
        const int low = halves[i] >> (part % 8 / 4 * 4) & 15;
        out[i] = scale * static_cast<float>((low | two_bits(raw + 128, part, i) << 4) - 32);
      }
    }
  }
}

// 8 parts of 32: d, upper 2 bits of the scales, their lower halves, numbers as in IQ4_NL; scales from -32.
void read_iq4_xs(const uint8_t* raw, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, raw += 136, out += kSuperBlock) {
    const float d = fp16_at(raw);
    const uint32_t high = u16_at(raw + 2);
    for (int part = 0; part < 8; ++part) {
      const int low = raw[4 + part / 2] >> (part % 2 * 4) & 15;
      const float scale = d * static_cast<float>((low | static_cast<int>(high >> (part * 2) & 3) << 4) - 32);
      const uint8_t* numbers = raw + 8 + part * 16;
      for (int i = 0; i < 16; ++i) {
        out[part * 32 + i] = scale * kIq4Values[numbers[i] & 15];
        out[part * 32 + 16 + i] = scale * kIq4Values[numbers[i] >> 4];
      }
    }
  }
}

struct TypeLayout {
  TensorType type;
  const char* name;
  int64_t elements;  // of a block
  int64_t bytes;
  void (*read)(const uint8_t* raw, int64_t blocks, float* out);
};
constexpr std::array<TypeLayout, 15> kLayouts = {{
    {TensorType::f32, "F32", 1, 4, read_f32},
    {TensorType::f16, "F16", 1, 2, read_f16},
    {TensorType::bf16, "BF16", 1, 2, read_bf16},
    {TensorType::q8_0, "Q8_0", kBlock, 34, read_q8_0},
    {TensorType::q4_0, "Q4_0", kBlock, 18, read_q4_0},
    {TensorType::q4_1, "Q4_1", kBlock, 20, read_q4_1},
    {TensorType::q5_0, "Q5_0", kBlock, 22, read_q5_0},
    {TensorType::q5_1, "Q5_1", kBlock, 24, read_q5_1},
    {TensorType::q2_k, "Q2_K", kSuperBlock, 84, read_q2_k},
    {TensorType::q3_k, "Q3_K", kSuperBlock, 110, read_q3_k},
    {TensorType::q4_k, "Q4_K", kSuperBlock, 144, read_q4_k},
    {TensorType::q5_k, "Q5_K", kSuperBlock, 176, read_q5_k},
    {TensorType::q6_k, "Q6_K", kSuperBlock, 210, read_q6_k},
    {TensorType::iq4_nl, "IQ4_NL", kBlock, 18, read_iq4_nl},
    {TensorType::iq4_xs, "IQ4_XS", kSuperBlock, 136, read_iq4_xs},
}};
constexpr bool in_order() {
  for (size_t i = 0; i < kLayouts.size(); ++i) {
    if (static_cast<size_t>(kLayouts[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order(), "a type's line is its place in the enumeration");

const TypeLayout& layout_of(TensorType type) {
  return kLayouts[static_cast<size_t>(type)];
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

std::optional<TensorType> find_tensor_type(std::string_view name) {
  for (const TypeLayout& layout : kLayouts) {
    if (name == layout.name) return layout.type;
  }
  return std::nullopt;
}

std::vector<TensorType> tensor_types() {
  std::vector<TensorType> types;
  for (const TypeLayout& layout : kLayouts) types.push_back(layout.type);
  return types;
}

std::string supported_types(bool with_blocks) {
  std::vector<std::string> names;
  for (const TypeLayout& layout : kLayouts) {
    if (layout.elements == 1 || with_blocks) names.emplace_back(layout.name);
  }
  return one_of(names);
}

void dequantize(TensorType type, const uint8_t* raw, int64_t count, float* out) {
  const TypeLayout& layout = layout_of(type);
  check(count >= 0 && count % layout.elements == 0, "whole blocks of a tensor");
  layout.read(raw, count / layout.elements, out);
}

}  // namespace ra
