// The oracle's rules against values computed by hand, so that the oracle itself can be wrong visibly.
#include "tests/support/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/hash.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/tiny_model.h"

namespace ra::oracle {
namespace {

constexpr float k2To24 = 0x1p24f;  // adding 1 to it is lost: the tie goes to even

TEST(OracleBf16, RoundsToNearestEven) {
  EXPECT_EQ(bf16_bits(1.0f), 0x3f80);
  EXPECT_EQ(bf16_bits(1.0f + 0x1p-8f), 0x3f80) << "a tie goes to the even one below";
  EXPECT_EQ(bf16_bits(1.0f + 0x1.8p-7f), 0x3f82) << "a tie goes to the even one above";
  EXPECT_EQ(bf16_bits(1.0f + 0x1.02p-8f), 0x3f81);
  EXPECT_EQ(bf16_bits(-1.0f - 0x1.02p-8f), 0xbf81);
  EXPECT_EQ(bf16_bits(-0.0f), 0x8000);
}

TEST(OracleBf16, KeepsDenormalsAndOverflowsToInfinity) {
  EXPECT_EQ(bf16_bits(0x1p-133f), 0x0001);
  EXPECT_EQ(bf16_bits(0x1p-134f), 0x0000);
  EXPECT_EQ(bf16_bits(0x1.8p-134f), 0x0001);
  EXPECT_EQ(bf16_bits(0x1.fep127f), 0x7f7f);
  EXPECT_EQ(bf16_bits(0x1.ffp127f), 0x7f80);
  EXPECT_TRUE(std::isnan(bf16(std::bit_cast<float>(0x7f800001u)))) << "a NaN never becomes an infinity";
}

TEST(OracleBf16, EveryStoredValueIsKept) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = from_bf16_bits(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(bf16_bits(value), bits);
  }
}

TEST(OracleTree, AddsNeighboursFirst) {
  EXPECT_EQ(tree(std::vector{k2To24, 1.0f, 1.0f, 1.0f}), k2To24 + 2.0f);
  EXPECT_EQ(tree(std::vector{k2To24, 1.0f, 1.0f, 0.0f}), k2To24);
  EXPECT_EQ(tree(std::vector{1.0f, 1.0f, k2To24, 1.0f}), k2To24 + 2.0f);
  EXPECT_EQ(tree(std::vector{3.0f}), 3.0f);
  EXPECT_THROW(tree(std::vector{1.0f, 1.0f, 1.0f}), Error);
}

TEST(OracleAccumulate, RoundsOnceAProduct) {
  const std::vector<float> a = {1.0f + 0x1p-12f};
  EXPECT_EQ(accumulate(SumOrder::fma512, -(1.0f + 0x1p-11f), a, a), 0x1p-24f);
}

TEST(OracleAccumulate, IsOneAscendingChain) {
  const std::vector<float> ones(3, 1.0f);
  EXPECT_EQ(accumulate(SumOrder::fma512, k2To24, std::vector{1.0f, 1.0f, 2.0f}, ones), k2To24 + 2.0f);
  EXPECT_EQ(accumulate(SumOrder::fma512, k2To24, std::vector{2.0f, 1.0f, 1.0f}, ones), k2To24 + 4.0f)
      << "2^24 + 2 + 1 is a tie that goes up to the even 2^24 + 4, where one more is lost";
}

// x . w of a single output with all weights 1.
float sum_by_linear(const std::vector<float>& x) {
  const std::vector<float> ones(x.size(), 1.0f);
  return linear_sums(SumOrder::fma512, x, matrix_of(1, static_cast<int>(x.size()), ones))[0];
}

TEST(OracleLinear, SumsChunksOf512FromZero) {
  std::vector<float> x(1024, 1.0f);
  std::fill(x.begin(), x.begin() + 512, 0.0f);
  x[0] = k2To24;
  EXPECT_EQ(sum_by_linear(x), k2To24 + 512.0f) << "one chain would lose every 1";
  x[511] = 1.0f;
  EXPECT_EQ(sum_by_linear(x), k2To24 + 512.0f) << "but within the first chunk it is lost";
}

TEST(OracleLinear, AddsChunkSumsAscending) {
  std::vector<float> x(1100, 0.0f);
  x[0] = k2To24;
  x[512] = 1.0f;
  x[1099] = 1.0f;
  EXPECT_EQ(sum_by_linear(x), k2To24) << "(2^24 + 1) + 1, not 2^24 + (1 + 1)";
  std::swap(x[0], x[1099]);
  EXPECT_EQ(sum_by_linear(x), k2To24 + 2.0f) << "(1 + 1) + 2^24";
}

TEST(OracleLinear, RoundsWeightsAndOutputsToBf16) {
  const Matrix w = matrix_of(2, 1, std::vector{1.0f + 0x1p-8f, 1.0f + 0x1p-7f});
  EXPECT_EQ(linear_sums(SumOrder::fma512, std::vector{1.0f}, w), (std::vector{1.0f, 1.0f + 0x1p-7f}));
  EXPECT_EQ(linear(SumOrder::fma512, std::vector{1.0f + 0x1p-7f}, w),
            (std::vector{1.0f + 0x1p-7f, 1.0f + 0x1p-6f}));
}

TEST(OracleResidual, RoundsTheSum) {
  std::vector<float> h = {1.0f, 256.0f};
  add_residual(h, std::vector{0x1p-8f, 1.0f});
  EXPECT_EQ(h, (std::vector{1.0f, 256.0f}));
}

TEST(OracleNorm, DividesByTheRootOfTheMeanSquare) {
  const std::vector<float> x(4, 2.0f);
  EXPECT_EQ(rms_norm(x, std::vector{1.0f, 2.0f, -1.0f, 0.0f}, 0.0f), (std::vector{1.0f, 2.0f, -1.0f, 0.0f}));
  EXPECT_EQ(rms_norm(x, std::vector(4, 1.0f), 12.0f), std::vector(4, 0.5f)) << "eps joins the mean: 4 + 12";
}

TEST(OracleNorm, HasTwoHundredFiftySixLanesUpTo2048AndThen1024) {
  for (const size_t n : {size_t{2048}, size_t{2049}}) {
    std::vector<float> x(n, 0.0f);
    x[0] = 4096.0f;  // its square is 2^24
    x[512] = x[768] = 1.0f;
    // 256 lanes: both ones fall into lane 0 and are lost. 1024 lanes: they are added to each other first.
    EXPECT_EQ(sum_of_squares(x), n == 2048 ? k2To24 : k2To24 + 2.0f);
  }
}

TEST(OracleNorm, ASumThatIsNotFiniteIsAnError) {
  const std::vector<float> x(2, 0x1p64f), weight(2, 1.0f);
  EXPECT_THROW(rms_norm(x, weight, 0.0f), Error);
}

TEST(OracleExp2, WholeNumbersAreExact) {
  for (int i = -125; i <= 125; ++i) {
    const Exp2 e = exp2_pair(static_cast<float>(i));
    ASSERT_EQ(e.i, i);
    ASSERT_EQ(e.p, 1.0f);
    ASSERT_EQ(exp2(static_cast<float>(i)), std::ldexp(1.0f, i));
  }
  EXPECT_EQ(exp2_pair(0x1p20f).i, 1 << 20);
  EXPECT_EQ(exp2_pair(-0x1p20f).i, -(1 << 20));
  EXPECT_EQ(power_of_two(-126), 0.0f);
  EXPECT_EQ(power_of_two(-(int64_t{1} << 33)), 0.0f);
}

TEST(OracleExp2, HalvesGoToTheEvenInteger) {
  EXPECT_EQ(exp2_pair(0.5f).i, 0);
  EXPECT_EQ(exp2_pair(1.5f).i, 2);
  EXPECT_EQ(exp2_pair(-0.5f).i, 0);
  EXPECT_EQ(exp2_pair(-1.5f).i, -2);
}

TEST(OracleExp2, ErrsByAtMostTheStatedBound) {
  double worst = 0;
  float least = 2, greatest = 0;
  for (uint64_t sample = 0; sample < 2'000'000; ++sample) {
    const float u = noise(7, sample) * (sample % 2 == 0 ? 1.0f : 125.0f);
    const Exp2 e = exp2_pair(u);
    const double exact = std::exp2(static_cast<double>(u) - e.i);
    worst = std::max(worst, std::abs(e.p - exact) / exact);
    least = std::min(least, e.p);
    greatest = std::max(greatest, e.p);
  }
  EXPECT_LE(worst, 1.72e-7);
  EXPECT_GE(worst, 1e-7) << "the sample reaches the polynomial's own error";
  EXPECT_GE(least, 0.7071f);
  EXPECT_LE(greatest, 1.4143f);
}

TEST(OracleSwiglu, GivesKnownValues) {
  EXPECT_EQ(swiglu(0.0f, 3.0f), 0.0f);
  EXPECT_TRUE(std::signbit(swiglu(-0.0f, 3.0f)));
  EXPECT_EQ(swiglu(200.0f, 1.0f), 200.0f) << "1 + 2^-125 is 1";
  EXPECT_EQ(swiglu(-200.0f, 1.0f), bf16(-200.0f / 0x1p125f)) << "the exponent is clamped to 125";
  EXPECT_EQ(swiglu(-0x1p100f, 1.0f), -0x1p-25f);
  EXPECT_EQ(swiglu(1.0f, 1.0f), 0.73046875f) << "sigmoid(1) = 0.73106 in bf16";
  // a = B(0.73106) = 0.73046875; a * 1.0078125 = 0.736175..., nearest bf16 0.734375.
  EXPECT_EQ(swiglu(1.0f, 1.0078125f), 0.734375f) << "silu is rounded before the product";
}

RopeSpec scaled_rope() {
  return {RopeSpec::Scaling::llama3, 500000.0, 8.0, 1.0, 4.0, 8192.0};
}

TEST(OracleRope, TheTableHoldsCosAndSinOfPositionTimesFrequency) {
  const std::vector<float> table = rope_table({.base = 10000.0}, 64, 3);
  EXPECT_EQ(table.size(), 3u * 64);
  for (int j = 0; j < 32; ++j) {
    EXPECT_EQ(table[2 * j], 1.0f) << "position 0 turns nothing";
    EXPECT_EQ(table[2 * j + 1], 0.0f);
  }
  EXPECT_EQ(table[64], static_cast<float>(std::cos(1.0)));
  EXPECT_EQ(table[65], static_cast<float>(std::sin(1.0)));
  EXPECT_EQ(table[2 * 64 + 1], static_cast<float>(std::sin(2.0)));
}

TEST(OracleRope, TheLibrarysDoublesRoundAsLongDoublesDoAt32000Positions) {
  // Evidence that the fp32 table does not depend on whose cos and sin are used.
  const int positions = 32000, head_dim = 64;
  const std::vector<float> table = rope_table({.base = 10000.0}, head_dim, positions);
  size_t differing = 0;
  for (int position = 0; position < positions; position += 7) {
    for (int j = 0; j < head_dim / 2; ++j) {
      const float theta = static_cast<float>(std::pow(10000.0L, -2.0L * j / head_dim));
      const long double angle = static_cast<long double>(position) * theta;
      const float* pair = table.data() + (static_cast<size_t>(position) * head_dim / 2 + j) * 2;
      differing +=
          pair[0] != static_cast<float>(std::cos(angle)) || pair[1] != static_cast<float>(std::sin(angle));
    }
  }
  EXPECT_EQ(differing, 0u);
}

TEST(OracleRope, Llama3ScalingKeepsShortWavesAndStretchesLongOnes) {
  const std::vector<float> plain = rope_table({.base = 500000.0}, 128, 2);
  const std::vector<float> scaled = rope_table(scaled_rope(), 128, 2);
  const auto angle = [](const std::vector<float>& table, int j) {
    return std::asin(double{table[128 + 2 * j + 1]});
  };
  EXPECT_EQ(scaled[128 + 1], plain[128 + 1]) << "the shortest wave";
  EXPECT_NEAR(angle(plain, 63) / angle(scaled, 63), 8.0, 1e-6) << "the longest wave";
  const double blended =
      angle(plain, 32) / angle(scaled, 32);  // wavelength 2 pi 500000^(1/2) = 4443: 1.84 turns
  const double smooth = (8192.0 / (2 * M_PI * std::sqrt(500000.0)) - 1.0) / 3.0;
  EXPECT_NEAR(1.0 / blended, (1 - smooth) / 8 + smooth, 1e-6);
}

TEST(OracleRope, TurnsAPairOfHalves) {
  std::vector<float> head = {1.0f, 2.0f, 3.0f, 4.0f};
  rope(head, std::vector{0.0f, 1.0f, 1.0f, 0.0f});  // pair 0 by a quarter, pair 1 not at all
  EXPECT_EQ(head, (std::vector{-3.0f, 2.0f, 1.0f, 4.0f}));
}

TEST(OracleRope, TheSineProductIsRoundedBeforeTheFma) {
  const float a = 1.0f + 0x1p-7f,
              s = 1.0f + 0x1p-20f;  // a s = 1 + 2^-7 + 2^-20 + 2^-27: the last is rounded away
  std::vector<float> head = {a, a};
  rope(head, std::vector{s, s});
  EXPECT_EQ(head[0], 0x1p-27f) << "fma(a, s, -fl(a s)) is what rounding dropped";
}

TEST(OracleHead, TiesGoToTheLowestIdAndZerosAreEqual) {
  const HeadResult tied = head(std::vector{1.0f, 2.0f, 2.0f, 2.0f}, false);
  EXPECT_EQ(tied.top[0], 1);
  EXPECT_EQ(tied.top[1], 2);
  const HeadResult zeros = head(std::vector{-1.0f, -0.0f, 0.0f}, true);
  EXPECT_EQ(zeros.top[0], 1);
  EXPECT_EQ(zeros.top[1], 2);
  const HeadResult second_first = head(std::vector{2.0f, 3.0f, 2.0f}, false);
  EXPECT_EQ(second_first.top[1], 0);
}

TEST(OracleHead, RoundingDecidesAndAccumulatorsAreKept) {
  const std::vector<float> sums = {1.0f, 1.0f + 0x1p-10f};
  const HeadResult rounded = head(sums, false), full = head(sums, true);
  EXPECT_EQ(rounded.top[0], 0);
  EXPECT_EQ(rounded.value[1], 1.0f);
  EXPECT_EQ(rounded.accumulator[1], sums[1]);
  EXPECT_EQ(full.top[0], 1);
  EXPECT_EQ(full.value[0], sums[1]);
  EXPECT_NE(rounded.digest, full.digest);
}

TEST(OracleHead, ANanOrInfinityIsNotFinite) {
  EXPECT_FALSE(head(std::vector{1.0f, std::nanf("")}, false).finite);
  EXPECT_FALSE(head(std::vector{1.0f, -std::numeric_limits<float>::infinity()}, true).finite);
  EXPECT_FALSE(head(std::vector{1.0f, 0x1.ffp127f}, false).finite) << "bf16 overflows";
  EXPECT_TRUE(head(std::vector{1.0f, 0x1.ffp127f}, true).finite);
}

TEST(OracleHead, TheDigestHashesChunksOf1024AndThenTheirHashes) {
  std::vector<float> logits(1025);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = noise(3, i);
  const auto bytes = std::as_bytes(std::span(logits));
  const uint64_t chunks[] = {xxh3_64(bytes.first(4096)), xxh3_64(bytes.subspan(4096, 4))};
  EXPECT_EQ(logits_digest(logits), xxh3_64(std::as_bytes(std::span(chunks))));
  logits[1024] = -logits[1024];
  EXPECT_NE(logits_digest(logits), xxh3_64(std::as_bytes(std::span(chunks))));
}

TEST(BitwiseEqual, FindsOneBitAndSaysWhere) {
  std::vector<float> expected = {1.0f, 2.0f, 3.0f}, actual = expected;
  EXPECT_TRUE(bitwise_equal(actual, expected, "row 4"));
  actual[1] = std::nextafter(2.0f, 3.0f);
  const testing::AssertionResult result = bitwise_equal(actual, expected, "row 4");
  EXPECT_FALSE(result);
  EXPECT_STREQ(result.message(),
               "row 4: element 1 is 0x40000001 (2.0000002); expected 0x40000000 (2); 1 of 3 differ");
}

TEST(BitwiseEqual, TellsZerosApartAndNansAlike) {
  const float nan = std::nanf("");
  EXPECT_TRUE(bitwise_equal(std::vector{nan}, std::vector{nan}, ""));
  EXPECT_FALSE(bitwise_equal(std::vector{0.0f}, std::vector{-0.0f}, ""));
}

}  // namespace
}  // namespace ra::oracle
