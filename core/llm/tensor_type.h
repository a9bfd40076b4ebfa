// The types in which checkpoints store numbers. dequantize.cpp has THE table of them: a new type is one line and its
// formula.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

enum class TensorType : uint8_t {
  f32,
  f16,
  bf16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_nl,
  iq4_xs,
};
const char* type_name(TensorType type);  // as safetensors and GGML call it
std::optional<TensorType> find_tensor_type(std::string_view name);

// A block is what shares a scale: some numbers, in so many bytes. Plain numbers are blocks of one.
int64_t block_elements(TensorType type);
int64_t block_bytes(TensorType type);

// Every type in the table's order; those of blocks occur in GGUF files alone.
std::vector<TensorType> tensor_types();
// "F32, F16 or BF16", for error sentences.
std::string supported_types(bool with_blocks);

// Writes the fp32 values that `count` elements of raw bytes stand for; count is a multiple of the type's block.
void dequantize(TensorType type, const uint8_t* raw, int64_t count, float* out);

}  // namespace ra
