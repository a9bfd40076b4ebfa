#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/gguf_model.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

// The bytes of a golden tensor of ggml-types/golden.safetensors, which has raw blocks as U8.
std::vector<uint8_t> golden_bytes(const std::string& name) {
  const std::string file = read_file(golden_path("ggml-types/golden.safetensors"));
  uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof header_size);
  const Json header = parse_json(std::string_view(file).substr(8, header_size), "golden.safetensors");
  const Json::Array& offsets = member(member(header, name), "data_offsets").array("data_offsets");
  const auto* data = reinterpret_cast<const uint8_t*>(file.data()) + 8 + header_size;
  return {data + offsets[0].unsigned_integer("begin"), data + offsets[1].unsigned_integer("end")};
}

class Dequantize : public testing::TestWithParam<TensorType> {};

TEST_P(Dequantize, GivesTheBitsOfTheGgmlReference) {
  const std::string name = type_name(GetParam());
  const std::vector<uint8_t> raw = golden_bytes(name + ".raw");
  const GoldenTensor expected = golden_tensor("ggml-types/golden.safetensors", name + ".f32");
  const auto count = static_cast<int64_t>(expected.values.size());
  ASSERT_EQ(raw.size(), static_cast<size_t>(count / block_elements(GetParam()) * block_bytes(GetParam())));
  std::vector<float> values(expected.values.size());
  dequantize(GetParam(), raw.data(), count, values.data());
  EXPECT_TRUE(bitwise_equal(values, expected.values, name));
}

// All but F32, whose values are the bytes.
std::vector<TensorType> converted_types() {
  std::vector<TensorType> types = tensor_types();
  std::erase(types, TensorType::f32);
  return types;
}
INSTANTIATE_TEST_SUITE_P(Types, Dequantize, testing::ValuesIn(converted_types()),
                         [](const auto& type) { return std::string(type_name(type.param)); });

// ggml's numbers of the types (enum ggml_type in ggml.h).
const std::pair<const char*, uint32_t> kGgmlNumbers[] = {
    {"F32", 0},   {"F16", 1},   {"Q4_0", 2},    {"Q4_1", 3},    {"Q5_0", 6},
    {"Q5_1", 7},  {"Q8_0", 8},  {"Q2_K", 10},   {"Q3_K", 11},   {"Q4_K", 12},
    {"Q5_K", 13}, {"Q6_K", 14}, {"IQ4_NL", 20}, {"IQ4_XS", 23}, {"BF16", 30}};

TEST(DequantizeGguf, EveryTypeIsReadFromAFileByItsNumber) {
  const CheckpointFolder folder;
  const ModelShape shape = {.layers = 1,
                            .hidden = 512,
                            .heads = 2,
                            .kv_heads = 1,
                            .head_dim = 256,
                            .ffn = 32,
                            .vocab = 32,
                            .norm_eps = 1e-5f,
                            .tied = true,
                            .max_positions = 64};
  GgufModel model = gguf_of(random_model(shape, 1), "llama");
  ASSERT_EQ(std::size(kGgmlNumbers), tensor_types().size());
  for (const auto& [name, number] : kGgmlNumbers) {
    SCOPED_TRACE(name);
    GgufTensor& embedding = model.tensor("token_embd.weight");
    const std::string f32 =
        std::string(number == 0 ? "F16" : name) + ".f32";  // F32: its values are its bytes
    const std::vector<uint8_t> raw = golden_bytes(number == 0 ? f32 : std::string(name) + ".raw");
    embedding.type = number;
    embedding.bytes.assign(raw.begin(), raw.end());
    const Checkpoint checkpoint = Checkpoint::open(folder.write("model.gguf", model.bytes()));
    const RowSource rows = checkpoint.parts(Role::embed, 0).at(0);
    std::vector<float> values(32 * 512);
    rows.read(0, 32, values.data());
    EXPECT_TRUE(bitwise_equal(values, golden_tensor("ggml-types/golden.safetensors", f32).values, name));
  }
}

// An fp16 number by its definition: sign, 5 bits of exponent with bias 15, 10 of fraction.
float fp16_by_definition(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31) {
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  }
  return static_cast<float>(half & 0x8000 ? -magnitude : magnitude);
}

TEST(DequantizeF16, EveryNumberIsWhatItsBitsStandFor) {
  for (uint32_t half = 0; half < 65536; ++half) {
    const uint8_t raw[2] = {static_cast<uint8_t>(half), static_cast<uint8_t>(half >> 8)};
    float value = 0;
    dequantize(TensorType::f16, raw, 1, &value);
    const float expected = fp16_by_definition(static_cast<uint16_t>(half));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << half;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(expected)) << half;
    }
  }
}

TEST(DequantizeBlocks, APartOfABlockIsRefused) {
  const uint8_t raw[34] = {};
  float values[32];
  EXPECT_THROW(dequantize(TensorType::q8_0, raw, 31, values), Error);
  EXPECT_THROW(dequantize(TensorType::q4_k, raw, 32, values), Error);
}

}  // namespace
}  // namespace ra
