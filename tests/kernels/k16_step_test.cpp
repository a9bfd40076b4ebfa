// The program's own k16 step against the oracle's, which was written apart from it.
#include "kernels/k16_step.h"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "tests/support/device_step.h"
#include "tests/support/hopper_step.h"

namespace ra {
namespace {

TEST(K16Step, EqualsTheOraclesForEveryKindOfOperands) {
  uint64_t state = 88172645463325252u;
  for (int kind_a = 0; kind_a < kValueKinds; ++kind_a) {
    for (int kind_b = 0; kind_b < kValueKinds; ++kind_b) {
      for (int trial = 0; trial < 4000; ++trial) {
        Bf16 a[kStepProducts], b[kStepProducts];
        const float c = draw_step(kind_a, kind_b, trial, state, a, b);
        ASSERT_EQ(std::bit_cast<uint32_t>(k16_step(c, a, b)), std::bit_cast<uint32_t>(oracle_step(c, a, b)))
            << "trial " << trial << " of kinds " << kind_a << " and " << kind_b;
      }
    }
  }
}

TEST(K16Step, ASumOfAnyLengthEqualsTheOracles) {
  constexpr int kWide = 2, kNarrow = 1;
  uint64_t state = 362436069;
  for (const int k : {1, 15, 16, 17, 31, 64, 576, 1000}) {
    std::vector<Bf16> a(k + kStepProducts), b(k + kStepProducts);
    for (int at = 0; at < k; at += kStepProducts) draw_step(kWide, kNarrow, 0, state, &a[at], &b[at]);
    std::vector<float> wide_a(k), wide_b(k);
    for (int i = 0; i < k; ++i) {
      wide_a[i] = widen(a[i]);
      wide_b[i] = widen(b[i]);
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(k16_sum(a.data(), b.data(), k)),
              std::bit_cast<uint32_t>(oracle::hopper_accumulate(0.0f, wide_a, wide_b)))
        << k;
  }
}

}  // namespace
}  // namespace ra
