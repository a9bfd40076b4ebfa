// The program's own k16 step against the oracle's, which was written apart from it.
#include "kernels/k16_step.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "tests/support/hopper_step.h"

namespace ra {
namespace {

uint64_t next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// bf16 values of one kind: any bits, exponents in a narrow or a wide range, denormals, or often zero.
enum class Kind { any, narrow, wide, denormal, sparse };
uint16_t value_of(Kind kind, uint64_t random) {
  const auto bits = static_cast<uint16_t>(random);
  const auto with_exponent = [&](int least, int count) {
    return static_cast<uint16_t>((bits & 0x807f) | (least + static_cast<int>(random >> 32) % count) << 7);
  };
  switch (kind) {
    case Kind::any:
      return bits;
    case Kind::narrow:
      return with_exponent(125, 4);
    case Kind::wide:
      return with_exponent(70, 120);
    case Kind::denormal:
      return with_exponent(0, 3);
    case Kind::sparse:
      return random >> 40 & 3 ? static_cast<uint16_t>(bits & 0x8000) : with_exponent(120, 12);
  }
  return 0;
}

TEST(K16Step, EqualsTheOraclesForEveryKindOfOperands) {
  uint64_t state = 88172645463325252u;
  for (const Kind kind_a : {Kind::any, Kind::narrow, Kind::wide, Kind::denormal, Kind::sparse}) {
    for (const Kind kind_b : {Kind::any, Kind::narrow, Kind::wide, Kind::denormal, Kind::sparse}) {
      for (int trial = 0; trial < 4000; ++trial) {
        oracle::StepOperand a, b;
        for (int i = 0; i < kStepProducts; ++i) {
          a[i] = value_of(kind_a, next(state));
          b[i] = value_of(kind_b, next(state));
        }
        // A sum of any bits, of the products' size, or their negation, so that little is left.
        float c = std::bit_cast<float>(static_cast<uint32_t>(next(state)));
        if (trial % 3 == 1) c = oracle::hopper_step(0.0f, b, a) * 0.75f;
        if (trial % 3 == 2) c = -oracle::hopper_step(0.0f, a, b);
        ASSERT_EQ(std::bit_cast<uint32_t>(k16_step(c, a.data(), b.data())),
                  std::bit_cast<uint32_t>(oracle::hopper_step(c, a, b)))
            << "trial " << trial << " of kinds " << static_cast<int>(kind_a) << " and "
            << static_cast<int>(kind_b);
      }
    }
  }
}

TEST(K16Step, ASumOfAnyLengthEqualsTheOracles) {
  uint64_t state = 362436069;
  for (const int k : {1, 15, 16, 17, 31, 64, 576, 1000}) {
    std::vector<Bf16> a(k), b(k);
    std::vector<float> wide_a(k), wide_b(k);
    for (int i = 0; i < k; ++i) {
      wide_a[i] = widen(a[i] = value_of(Kind::wide, next(state)));
      wide_b[i] = widen(b[i] = value_of(Kind::narrow, next(state)));
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(k16_sum(a.data(), b.data(), k)),
              std::bit_cast<uint32_t>(oracle::hopper_accumulate(0.0f, wide_a, wide_b)))
        << k;
  }
}

}  // namespace
}  // namespace ra
