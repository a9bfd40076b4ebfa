#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "tests/support/bitwise_equal.h"
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

INSTANTIATE_TEST_SUITE_P(Types, Dequantize,
                         testing::Values(TensorType::f16, TensorType::bf16, TensorType::q8_0,
                                         TensorType::q4_1),
                         [](const auto& type) { return std::string(type_name(type.param)); });

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
}

}  // namespace
}  // namespace ra
