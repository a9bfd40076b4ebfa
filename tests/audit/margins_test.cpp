#include "core/audit/margins.h"

#include <gtest/gtest.h>

#include "tests/support/audit_builder.h"

namespace ra {
namespace {

const std::vector<int32_t> kSolo = {10, 11, 12, 13};

StepRecord step(int32_t first, int32_t second, float a, float b) {
  return {.top = {first, second}, .value = {a, b}, .accumulator = {a, b}, .digest = 1};
}

// A stream of solo's steps with one step's gap set by hand.
TEST(Margins, EpsilonIsTheChangeOfTheGapWhereNothingFlipped) {
  AuditBuilder builder({"standard", "invariant"}, kSolo);
  const int32_t trial = builder.trial(TrialKind::random, 1, 1);
  builder.done(0, trial, {{.tokens = kSolo, .salted_from = 2}});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  // Steps 2 and 3 have another digest; their gap moved by 1/128.
  EXPECT_EQ(finding.epsilon_samples, 2);
  EXPECT_DOUBLE_EQ(*finding.epsilon, 0.0078125);
}

TEST(Margins, ArmsAreComparedByTheirSolos) {
  AuditBuilder builder({"standard", "invariant", "reference"}, kSolo);
  builder.trial(TrialKind::random, 1, 1);
  builder.done(1, 0, {{.tokens = kSolo, .salted_from = 0, .salt = 2}});
  builder.done(1, 1, {{.tokens = kSolo, .salted_from = 0, .salt = 2}});
  builder.done(2, 0, {{.tokens = kSolo, .salted_from = 0, .salt = 900}});
  builder.done(2, 1, {{.tokens = kSolo, .salted_from = 0, .salt = 900}});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.epsilon_samples, 4);
  EXPECT_DOUBLE_EQ(*finding.epsilon, 0.015625) << "reference rounds elsewhere and stays out";
  EXPECT_EQ(finding.arms[0].agreement->positions, 4);
  EXPECT_EQ(finding.arms[0].agreement->equal, 4);
}

class Flip : public testing::Test {
 protected:
  Flip() : builder_({"standard"}, kSolo) {
    builder_.finish();
    solo_ = {.tokens = {10, 11}, .steps = {step(10, 5, 9, 1), step(11, 12, 20.0F, 19.9F)}};
    other_ = {.tokens = {10, 12}, .steps = {step(10, 5, 9, 1), step(12, 11, 20.0F, 19.95F)}};
  }
  Divergence judge(std::optional<double> epsilon) {
    Divergence divergence{.position = 1, .solo_token = 11, .token = 12};
    judge_margin(solo_, other_, Outcomes(builder_.audit), -1, epsilon, divergence);
    return divergence;
  }
  AuditBuilder builder_;
  Stream solo_, other_;
};

TEST_F(Flip, GapsAreSolosTokenMinusTheOther) {
  const Divergence divergence = judge(std::nullopt);
  EXPECT_NEAR(*divergence.solo_gap, 0.1, 1e-5);
  EXPECT_NEAR(*divergence.gap, -0.05, 1e-5);
  EXPECT_FALSE(divergence.consistent_with_rounding.has_value());
}

TEST_F(Flip, AChangeOfAtMostFourEpsilonIsConsistentWithRounding) {
  EXPECT_TRUE(*judge(0.04).consistent_with_rounding) << "0.15 of 0.16";
  EXPECT_FALSE(*judge(0.03).consistent_with_rounding) << "0.15 of 0.12";
}

TEST_F(Flip, ATokenOutsideBothTopsCannotBeJudged) {
  other_.steps[1].top[1] = 77;
  EXPECT_FALSE(judge(0.04).gap.has_value());
  EXPECT_FALSE(judge(0.04).consistent_with_rounding.has_value());
}

TEST(Margins, TheReferencesGapMustLieBetweenTheTwo) {
  AuditBuilder builder({"standard", "reference"}, {10, 11});
  builder.finish();
  const Outcomes outcomes(builder.audit);
  // The reference's solo has tops 11 and 511 at step 1, with a gap of 1.
  Stream solo{.tokens = {10, 11}, .steps = {step(10, 5, 9, 1), step(11, 511, 20.1F, 20.0F)}};
  Stream other{.tokens = {10, 511}, .steps = {step(10, 5, 9, 1), step(511, 11, 20.1F, 20.0F)}};
  Divergence divergence{.position = 1, .solo_token = 11, .token = 511};
  judge_margin(solo, other, outcomes, 1, 0.06, divergence);
  EXPECT_FALSE(*divergence.consistent_with_rounding) << "1 is beyond 0.1 + 4 * 0.06";
  judge_margin(solo, other, outcomes, 1, 0.3, divergence);
  EXPECT_TRUE(*divergence.consistent_with_rounding);
}

}  // namespace
}  // namespace ra
