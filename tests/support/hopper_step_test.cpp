// The tensor core's step by values computed by hand, its fast form against its plain one, and what follows from the
// rule for whole sums and models.
#include "tests/support/hopper_step.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "tests/support/oracle.h"
#include "tests/support/oracle_model.h"
#include "tests/support/small_shapes.h"
#include "tests/support/step_inputs.h"

namespace ra::oracle {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTop = 0x1.fep127f;  // the greatest bf16

struct Product {
  float a = 0, b = 0;
};

// The step's bits over these products and zeros; both forms must agree.
uint32_t step_bits(float c, const std::vector<Product>& products) {
  StepOperand a{}, b{};
  for (size_t i = 0; i < products.size(); ++i) {
    a[i] = bf16_bits(products[i].a);
    b[i] = bf16_bits(products[i].b);
    EXPECT_EQ(from_bf16_bits(a[i]), products[i].a) << "an operand that is a bf16";
    EXPECT_EQ(from_bf16_bits(b[i]), products[i].b) << "an operand that is a bf16";
  }
  const uint32_t bits = std::bit_cast<uint32_t>(hopper_step(c, a, b));
  EXPECT_EQ(std::bit_cast<uint32_t>(fast_hopper_step(c, a, b)), bits);
  return bits;
}
float step(float c, const std::vector<Product>& products) {
  return std::bit_cast<float>(step_bits(c, products));
}

TEST(HopperStep, AddsExactProductsAndTheAccumulator) {
  EXPECT_EQ(step(0.5f, {{2, 3}, {4, -0.25f}}), 5.5f);
  EXPECT_EQ(step(0, {{1 + 0x1p-7f, 1 + 0x1p-7f}}), 1 + 0x1p-6f + 0x1p-14f) << "all 16 bits of a product";
  std::vector<Product> products(16);
  for (size_t i = 0; i < 16; ++i) products[i] = {static_cast<float>(i), 1};
  EXPECT_EQ(step(0, products), 120.0f);
}

TEST(HopperStep, CutsWhatLiesBelow25BitsUnderTheGreatestExponent) {
  // e = 0, so multiples of 2^-25 count; 1 - 1 leaves what the sum's own rounding would hide.
  EXPECT_EQ(step(-1, {{1, 1}, {0x1p-25f, 1}}), 0x1p-25f);
  EXPECT_EQ(step(-1, {{1, 1}, {0x1p-26f, 1}}), 0.0f);
  EXPECT_EQ(step(-1, {{1, 1}, {0x1.8p-25f, 1}}), 0x1p-25f) << "towards zero, not to the nearest";
  EXPECT_EQ(step(-1, {{1, 1}, {0x1p-26f, 1}, {0x1p-26f, 1}}), 0.0f) << "each product is cut before the sum";
}

TEST(HopperStep, CutsTheMagnitudeOfEitherSign) {
  EXPECT_EQ(step(-1, {{1, 1}, {-0x1.8p-25f, 1}}), -0x1p-25f);
  EXPECT_EQ(step(1, {{-1, 1}, {0x1p-25f, -1.5f}}), -0x1p-25f);
}

TEST(HopperStep, CutsTheAccumulatorToo) {
  // e = 4: multiples of 2^-21.
  EXPECT_EQ(step(1 + 0x1p-21f + 0x1p-23f, {{16, 1}, {-16, 1}}), 1 + 0x1p-21f);
  EXPECT_EQ(step(-1 - 0x1p-21f - 0x1p-23f, {{16, 1}, {-16, 1}}), -1 - 0x1p-21f);
  EXPECT_EQ(step(1 + 0x1p-23f, {{4, 1}, {-4, 1}}), 1 + 0x1p-23f) << "two bits below fp32's are kept";
}

TEST(HopperStep, TakesTheExponentOfAProductFromItsFactors) {
  // 1.5 * 1.5 = 2.25, but e = 0 + 0, so 2^-25 counts; with 2.25 as a factor e = 1, and it does not.
  EXPECT_EQ(step(-1.5f, {{1.5f, 1.5f}, {-0.75f, 1}, {0x1p-25f, 1}}), 0x1p-25f);
  EXPECT_EQ(step(-1.5f, {{2.25f, 1}, {-0.75f, 1}, {0x1p-25f, 1}}), 0.0f);
}

TEST(HopperStep, RoundsTheSumTowardsZero) {
  EXPECT_EQ(step(0, {{1, 1}, {0x1.8p-24f, 1}}), 1.0f) << "nearest would be 1 + 2^-23";
  EXPECT_EQ(step(0, {{-1, 1}, {-0x1.8p-24f, 1}}), -1.0f);
  EXPECT_EQ(step(0x1.fffffep0f, {{0x1p-24f, 1}}), 0x1.fffffep0f);
  EXPECT_EQ(step(1, {{-0x1p-25f, 1}}), 0x1.fffffep-1f) << "1 - 2^-25, cut to 24 bits";
}

TEST(HopperStep, ZerosTakeNoPartInTheGreatestExponent) {
  const float small = 0x1p-60f;
  EXPECT_EQ(step(small, {{kTop, 0}, {0, kTop}, {-kTop, 0}, {small, 1}}), 2 * small);
  EXPECT_EQ(step(0, {{small, small}, {kTop, -0.0f}}), 0x1p-120f);
  EXPECT_EQ(step(-0.0f, {{0x1p-100f, 1}}), 0x1p-100f);
}

TEST(HopperStep, AZeroSumIsPositive) {
  EXPECT_EQ(step_bits(-0.0f, {}), 0u);
  EXPECT_EQ(step_bits(-0.0f, {{-0.0f, 1}, {0, -1}}), 0u);
  EXPECT_EQ(step_bits(-3, {{1, 3}}), 0u);
  EXPECT_EQ(step_bits(0, {{1, -3}, {3, 1}}), 0u);
}

TEST(HopperStep, KeepsDenormals) {
  EXPECT_EQ(step(0x1p-149f, {}), 0x1p-149f) << "the accumulator";
  EXPECT_EQ(step(0, {{0x1p-133f, 1}}), 0x1p-133f) << "a factor";
  EXPECT_EQ(step(0, {{0x1p-80f, 0x1p-69f}}), 0x1p-149f) << "the result";
  EXPECT_EQ(step(0x1p-149f, {{-0x1p-80f, 0x1p-70f}, {-0x1p-80f, 0x1p-70f}}), 0.0f) << "2^-149 - 2 * 2^-150";
  EXPECT_FALSE(std::signbit(step(0, {{-0x1p-80f, 0x1p-71f}})))
      << "a negative sum that rounds to nothing is +0";
  EXPECT_EQ(step(0, {{0x1p-80f, 0x1.8p-69f}}), 0x1p-149f) << "rounded towards zero there, too";
  // A denormal's exponent is -126, whatever its first bit: 2^-133 * 2^8 has e = -118 and 2^-144 is not below it by 25.
  EXPECT_EQ(step(0, {{0x1p-133f, 256}, {0x1p-72f, 0x1p-72f}, {-0x1p-133f, 256}}), 0.0f)
      << "2^-144 < 2^(-118 - 25)";
  EXPECT_EQ(step(0, {{0x1p-125f, 1}, {0x1p-72f, 0x1p-72f}, {-0x1p-125f, 1}}), 0x1p-144f) << "e = -125";
}

TEST(HopperStep, ASumThatVanishesIsPositiveZero) {
  EXPECT_EQ(step_bits(0, {{-0x1p-100f, 0x1p-100f}}), 0u) << "not zero, but nothing is left of it";
  EXPECT_EQ(step_bits(0, {{0x1p-100f, 0x1p-100f}}), 0u);
}

TEST(HopperStep, SeesNothingBelow2ToMinus158) {
  // As an H100 computes it: what is left away lies below 25 bits under 2^-133, not under the products' own e of -140.
  EXPECT_EQ(step(0, {{0x1p-70f, 0x1p-70f}, {-0x1p-80f, 0x1p-78f}}), 0x1.ffp-141f) << "2^-158 is seen";
  EXPECT_EQ(step(0, {{0x1p-70f, 0x1p-70f}, {-0x1p-80f, 0x1p-79f}}), 0x1p-140f) << "2^-159 is not";
}

TEST(HopperStep, OverflowsToInfinityAt2To128) {
  EXPECT_EQ(step(0, {{0x1p64f, 0x1p64f}}), kInfinity);
  EXPECT_EQ(step(0, {{-0x1p64f, 0x1p64f}}), -kInfinity);
  EXPECT_EQ(step(0x1.fffffep127f, {{0x1p103f, 1}}), 0x1.fffffep127f)
      << "half a unit of the greatest fp32 is cut";
  EXPECT_EQ(step(0x1.fffffep127f, {{0x1p104f, 1}}), kInfinity);
  EXPECT_EQ(step(0, {{kTop, kTop}, {-kTop, kTop}, {3, 1}}), 0.0f) << "what is taken back does not overflow";
  EXPECT_EQ(step(0x1p127f, {{0x1p64f, 0x1p64f}, {-0x1p64f, 0x1p64f}}), 0x1p127f);
}

TEST(HopperStep, ANanOrAnInvalidOperationGivesTheOneNan) {
  const float nan = std::bit_cast<float>(0xffc00000u);
  constexpr uint32_t kNan = 0x7fffffff;
  EXPECT_EQ(step_bits(nan, {{1, 1}}), kNan);
  EXPECT_EQ(step_bits(0, {{kInfinity, 0}}), kNan) << "infinity * 0";
  EXPECT_EQ(step_bits(0, {{-0.0f, -kInfinity}}), kNan);
  EXPECT_EQ(step_bits(kInfinity, {{kInfinity, -1}}), kNan) << "infinity - infinity";
  EXPECT_EQ(step_bits(0, {{kInfinity, 1}, {1, -kInfinity}}), kNan);
  StepOperand a{}, b{};
  a[7] = 0xff81;
  EXPECT_EQ(std::bit_cast<uint32_t>(hopper_step(kInfinity, a, b)), kNan) << "a NaN times 0";
  EXPECT_EQ(std::bit_cast<uint32_t>(fast_hopper_step(kInfinity, a, b)), kNan);
}

TEST(HopperStep, AnInfinityWins) {
  EXPECT_EQ(step(-kInfinity, {{kTop, kTop}}), -kInfinity);
  EXPECT_EQ(step(1, {{kInfinity, 0x1p-133f}, {kTop, -kTop}}), kInfinity);
  EXPECT_EQ(step(kInfinity, {{kInfinity, 1}, {-1, -kInfinity}}), kInfinity) << "of one sign";
}

TEST(HopperStep, TheOrderOfItsProductsDoesNotMatter) {
  for (const StepKind kind : kStepKinds) {
    for (uint64_t index = 0; index < 2000; ++index) {
      StepOperands s = random_step(kind, index);
      const uint32_t bits = std::bit_cast<uint32_t>(hopper_step(s.c, s.a, s.b));
      for (size_t i = kStepProducts - 1; i > 0; --i) {
        const size_t j = random_bits(99, index * kStepProducts + i) % (i + 1);
        std::swap(s.a[i], s.a[j]);
        std::swap(s.b[i], s.b[j]);
      }
      ASSERT_EQ(std::bit_cast<uint32_t>(hopper_step(s.c, s.a, s.b)), bits)
          << step_kind_name(kind) << " " << index;
    }
  }
}

TEST(HopperStep, TheFastFormEqualsThePlainOne) {
  for (const StepKind kind : kStepKinds) {
    size_t finite = 0, zero = 0;
    for (uint64_t index = 0; index < 20'000; ++index) {
      const StepOperands s = random_step(kind, index);
      const float plain = hopper_step(s.c, s.a, s.b);
      ASSERT_EQ(std::bit_cast<uint32_t>(fast_hopper_step(s.c, s.a, s.b)), std::bit_cast<uint32_t>(plain))
          << step_kind_name(kind) << " " << index;
      finite += std::isfinite(plain);
      zero += plain == 0.0f;
    }
    EXPECT_GT(finite, 1000u) << step_kind_name(kind);
    EXPECT_LT(zero, 19'000u) << step_kind_name(kind);
  }
}

TEST(HopperStep, IsNotAnFmaChainNorADoubleSum) {
  // What the class is told from: over random operands the order shows.
  int fma_differs = 0, double_differs = 0;
  for (uint64_t index = 0; index < 1000; ++index) {
    const StepOperands s = random_step(StepKind::normal, index);
    float chain = s.c;
    double exact = s.c;
    for (int i = 0; i < kStepProducts; ++i) {
      chain = std::fma(from_bf16_bits(s.a[i]), from_bf16_bits(s.b[i]), chain);
      exact += static_cast<double>(from_bf16_bits(s.a[i])) * from_bf16_bits(s.b[i]);
    }
    const float step = hopper_step(s.c, s.a, s.b);
    fma_differs += chain != step;
    double_differs += static_cast<float>(exact) != step;
    double magnitude = std::abs(s.c);
    for (int i = 0; i < kStepProducts; ++i) {
      magnitude += std::abs(static_cast<double>(from_bf16_bits(s.a[i])) * from_bf16_bits(s.b[i]));
    }
    ASSERT_NEAR(step, exact, magnitude * 0x1p-20) << "but it is near";
  }
  EXPECT_GT(fma_differs, 100);
  EXPECT_GT(double_differs, 100);
}

TEST(HopperAccumulate, StepsAscendAndTheLastIsPaddedWithZeros) {
  std::vector<float> x(33, 0.0f), ones(33, 1.0f);
  x[0] = 0x1p24f;
  x[16] = 1;
  x[32] = 1;
  EXPECT_EQ(hopper_accumulate(0, x, ones), 0x1p24f) << "each 1 meets 2^24 alone and is cut";
  std::swap(x[0], x[32]);
  EXPECT_EQ(hopper_accumulate(0, x, ones), 0x1p24f + 2);
  std::swap(x[1], x[16]);
  EXPECT_EQ(hopper_accumulate(0, x, ones), 0x1p24f + 2);
  EXPECT_EQ(hopper_accumulate(5, {}, {}), 5.0f);
}

TEST(HopperAccumulate, RefusesWhatIsNoBf16) {
  const std::vector<float> x = {1.0f + 0x1p-12f}, y = {1.0f};
  EXPECT_THROW(hopper_accumulate(0, x, y), Error);
  EXPECT_THROW(hopper_accumulate(0, y, x), Error);
  EXPECT_THROW(hopper_accumulate(0, x, {}), Error);
}

TEST(OracleSumOrder, IsNamedByTheClassOfAKernelSet) {
  EXPECT_EQ(sum_order_of("cpu-fma512/1"), SumOrder::fma512);
  EXPECT_EQ(sum_order_of("hopper-k16/1"), SumOrder::k16);
  EXPECT_THROW(sum_order_of("opaque"), Error);
}

TEST(OracleLinearK16, IsOneChainOfSteps) {
  std::vector<float> x(1024, 1.0f);
  std::fill(x.begin(), x.begin() + 512, 0.0f);
  x[0] = 0x1p25f;
  const std::vector<float> ones(1024, 1.0f);
  EXPECT_EQ(linear_sums(SumOrder::k16, x, matrix_of(1, 1024, ones))[0], 0x1p25f + 512)
      << "sixteen ones at a time";
  for (size_t i = 512; i < 1024; ++i) x[i] = i % 16 == 0 ? 1.0f : 0.0f;
  EXPECT_EQ(linear_sums(SumOrder::k16, x, matrix_of(1, 1024, ones))[0], 0x1p25f) << "no chunks of 512";
}

}  // namespace
}  // namespace ra::oracle

namespace ra {
namespace {

GreedyRun run_of(const ModelShape& shape, oracle::SumOrder order) {
  const TinyModel weights = random_model(shape, 5);
  OracleModel model(weights, 300, order);
  return greedy_run(model, random_tokens(6, 270, shape.vocab), 4);
}

TEST(OracleModelK16, GivesAWholeStreamThatItsClassDecides) {
  for (const ModelShape& shape : {tiny_shape(), bias_shape()}) {
    const GreedyRun k16 = run_of(shape, oracle::SumOrder::k16), again = run_of(shape, oracle::SumOrder::k16);
    const GreedyRun fma = run_of(shape, oracle::SumOrder::fma512);
    EXPECT_EQ(k16.digests(), again.digests());
    EXPECT_NE(k16.digests(), fma.digests());
    for (size_t i = 0; i < k16.steps.size(); ++i) {
      ASSERT_TRUE(k16.steps[i].finite);
      EXPECT_NEAR(k16.steps[i].accumulator[0], fma.steps[i].accumulator[0], 0.1) << "step " << i;
    }
  }
}

TEST(OracleModelK16, ARowIsTheSameHoweverThePromptWasCut) {
  const ModelShape shape = tiny_shape();
  const TinyModel weights = random_model(shape, 8);
  OracleModel model(weights, 128, oracle::SumOrder::k16);
  const std::vector<int32_t> tokens = random_tokens(9, 70, shape.vocab);
  StepInput whole;
  whole.slices = {{.slot = 0, .position = 0, .rows = 70}};
  whole.tokens = tokens;
  whole.logit_rows = {69};
  const HeadResult at_once = model.step(whole)[0];
  HeadResult last;
  for (int position = 0; position < 70; position += 7) {
    StepInput piece;
    piece.slices = {{.slot = 1, .position = position, .rows = 7}};
    piece.tokens.assign(tokens.begin() + position, tokens.begin() + position + 7);
    piece.logit_rows = {6};
    last = model.step(piece)[0];
  }
  EXPECT_EQ(last.digest, at_once.digest);
}

}  // namespace
}  // namespace ra
