#include "tests/support/bitwise_equal.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "core/hash.h"

namespace ra {
namespace {

// The bits and the value of element `i`.
std::string shown(Element type, std::span<const std::byte> bytes, size_t i) {
  if (type == Element::bf16) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + 2 * i, 2);
    return fmt::format("0x{:04x} ({})", bits, std::bit_cast<float>(static_cast<uint32_t>(bits) << 16));
  }
  uint32_t bits = 0;
  std::memcpy(&bits, bytes.data() + 4 * i, 4);
  return fmt::format("0x{:08x} ({})", bits, std::bit_cast<float>(bits));
}

}  // namespace

testing::AssertionResult bitwise_equal(Element type, std::span<const std::byte> actual,
                                       std::span<const std::byte> expected, std::string_view what) {
  if (actual.size() != expected.size()) {
    return testing::AssertionFailure()
           << what << ": " << actual.size() << " bytes; expected " << expected.size();
  }
  if (expected.empty() || std::memcmp(actual.data(), expected.data(), actual.size()) == 0)
    return testing::AssertionSuccess();
  const size_t width = type == Element::bf16 ? 2 : 4;
  size_t first = 0, differing = 0;
  for (size_t i = 0; i < actual.size() / width; ++i) {
    if (std::memcmp(actual.data() + i * width, expected.data() + i * width, width) == 0) continue;
    if (differing++ == 0) first = i;
  }
  return testing::AssertionFailure() << what << ": element " << first << " is " << shown(type, actual, first)
                                     << "; expected " << shown(type, expected, first) << "; " << differing
                                     << " of " << actual.size() / width << " differ";
}

testing::AssertionResult bitwise_equal(std::span<const float> actual, std::span<const float> expected,
                                       std::string_view what) {
  return bitwise_equal(Element::fp32, std::as_bytes(actual), std::as_bytes(expected), what);
}

testing::AssertionResult bitwise_equal(const HeadResult& actual, const HeadResult& expected,
                                       std::string_view what) {
  const std::string name(what);
  if (actual.finite != expected.finite) {
    return testing::AssertionFailure()
           << name << ": finite is " << actual.finite << "; expected " << expected.finite;
  }
  if (!expected.finite) return testing::AssertionSuccess();
  for (int place = 0; place < 2; ++place) {
    if (actual.top[place] == expected.top[place]) continue;
    return testing::AssertionFailure() << name << ": top " << place << " is token " << actual.top[place]
                                       << "; expected " << expected.top[place];
  }
  if (const auto values = bitwise_equal(actual.value, expected.value, name + ", values"); !values)
    return values;
  if (const auto sums = bitwise_equal(actual.accumulator, expected.accumulator, name + ", accumulators");
      !sums) {
    return sums;
  }
  if (actual.digest != expected.digest) {
    return testing::AssertionFailure()
           << name << ": digest " << hex(actual.digest) << "; expected " << hex(expected.digest);
  }
  return testing::AssertionSuccess();
}

}  // namespace ra
