// Comparison by bits: NaN equals itself, -0 differs from +0. A failure names the first differing element with
// both values, in hexadecimal and decimal.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/ops.h"

namespace ra {

enum class Element : uint8_t { bf16, fp32 };

// `what` begins the message: "o of layer 1, row 3".
testing::AssertionResult bitwise_equal(Element type, std::span<const std::byte> actual,
                                       std::span<const std::byte> expected, std::string_view what);
testing::AssertionResult bitwise_equal(std::span<const float> actual, std::span<const float> expected,
                                       std::string_view what);
// Both tops, values, accumulators and the digest.
testing::AssertionResult bitwise_equal(const HeadResult& actual, const HeadResult& expected,
                                       std::string_view what);

}  // namespace ra
