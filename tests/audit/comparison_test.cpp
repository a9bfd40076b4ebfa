#include "core/audit/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/audit_builder.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::vector<int32_t> kSolo = {11, 12, 13, 14};

// Solo, a probe, two trials of runs with the probe; nothing was run yet.
AuditBuilder planned(const std::vector<std::string>& kernel_sets = {"standard", "invariant"}) {
  AuditBuilder builder(kernel_sets, kSolo);
  builder.audit.subject.model_sha256 = "aa";
  builder.audit.subject.settings = {{"logits", "bf16"}};
  builder.probe(5, 2);
  builder.trial(TrialKind::random, 3, 1, {0});
  builder.trial(TrialKind::random, 2, 0, {0});
  return builder;
}

// All of it done, every stream equal to solo.
Audit done(AuditBuilder builder) {
  builder.finish();
  return builder.audit;
}

// The same with other streams of the runs of trial 2 in an arm.
Audit parted(int32_t arm, const std::vector<PlantedStream>& streams) {
  AuditBuilder builder = planned();
  builder.done(arm, 2, streams);
  return done(builder);
}

Comparison compared(const Audit& a, const Audit& b) {
  return compare(a, analyze(a), b, analyze(b));
}

TEST(Comparison, AuditsOfOnePlanWithEqualStreamsAreTheSame) {
  const Audit audit = done(planned());
  const Comparison found = compared(audit, audit);
  EXPECT_EQ(found.likeness, Likeness::same);
  EXPECT_EQ(found.exit_status, 0);
  EXPECT_EQ(found.reason, "");
  EXPECT_TRUE(found.same_plan);
  EXPECT_THAT(found.facts, IsEmpty());
  ASSERT_THAT(found.arms, SizeIs(2));
  for (const ArmComparison& arm : found.arms) {
    EXPECT_EQ(arm.streams, 9) << "two solos, three runs and two, a probe in both trials";
    EXPECT_EQ(arm.equal_logits, 9);
    EXPECT_FALSE(arm.parting);
    EXPECT_THAT(arm.choices, IsEmpty());
  }
}

TEST(Comparison, AnotherTokenIsARegressionWithTheFirstPlaceAndBothTokens) {
  const Audit b = parted(1, {{.tokens = kSolo}, {.tokens = {11, 12, 13, 99}}, {.tokens = {11, 77, 13, 14}}});
  const Comparison found = compared(done(planned()), b);
  EXPECT_EQ(found.likeness, Likeness::different);
  EXPECT_EQ(found.exit_status, 1);
  EXPECT_EQ(found.arms[0].likeness, Likeness::same);
  const ArmComparison& arm = found.arms[1];
  EXPECT_EQ(arm.likeness, Likeness::different);
  EXPECT_EQ(arm.equal_tokens, 7);
  ASSERT_TRUE(arm.parting);
  EXPECT_TRUE(arm.parting->tokens);
  EXPECT_EQ(arm.parting->position, 1);
  EXPECT_EQ(arm.parting->trial, 2);
  EXPECT_EQ(arm.parting->sequence, 2);
  EXPECT_EQ(arm.parting->a_token, 12);
  EXPECT_EQ(arm.parting->b_token, 77);
  EXPECT_EQ(found.reason,
            "invariant 2 of 9 streams differ in tokens, first at token 1 in trial 2 (random, batch size 5)");
}

TEST(Comparison, OtherLogitsOfTheSameTokensAreADifferenceToo) {
  const Comparison found = compared(done(planned()), parted(1, {{.tokens = kSolo, .salted_from = 2}}));
  EXPECT_EQ(found.exit_status, 1);
  EXPECT_EQ(found.arms[1].equal_tokens, 9);
  EXPECT_EQ(found.arms[1].equal_logits, 8);
  EXPECT_FALSE(found.arms[1].parting->tokens);
  EXPECT_EQ(found.arms[1].parting->position, 2);
  EXPECT_THAT(found.reason, HasSubstr("1 of 9 streams have other logits, first at token 2"));
}

TEST(Comparison, AnOpaqueOrderIsComparableOnlyWithTheSameDeviceLibrariesAndProgram) {
  Audit a = done(planned());
  Audit b = parted(0, {{.tokens = {11, 12, 99, 14}}});
  EXPECT_EQ(compared(a, b).exit_status, 1) << "nothing changed around it";
  const auto expect_incomparable = [&](const Audit& changed, const std::string& sentence) {
    const Comparison found = compared(a, changed);
    EXPECT_EQ(found.likeness, Likeness::not_comparable);
    EXPECT_EQ(found.exit_status, 8);
    EXPECT_EQ(found.reason, "standard is not comparable: " + sentence);
    EXPECT_EQ(found.arms[0].parting->position, 2) << "what the change did is shown all the same";
    EXPECT_EQ(found.arms[1].likeness, Likeness::same) << "a class of its own is comparable anywhere";
  };
  for (const auto& [name, value] : {std::pair{"blas", "0.3.29"}, std::pair{"threads", "4"}}) {
    Audit changed = b;
    for (Arm& arm : changed.arms) arm.facts.environment[name] = value;
    const std::string before = std::string(name) == "threads" ? "\"2\"" : "absent";
    expect_incomparable(changed, std::string(name) + " was " + before + ", is \"" + value + "\"");
  }
  Audit changed = b;
  changed.arms[0].facts.device = "gpu";
  expect_incomparable(changed, "device was \"cpu\", is \"gpu\"");
  changed = b;
  changed.tool = "0.2.0";
  expect_incomparable(changed, "tool was \"0.1.0\", is \"0.2.0\"");
}

TEST(Comparison, WhatFollowsThePlanIsNoObstacleBetweenPlans) {
  AuditBuilder more = planned();
  more.trial(TrialKind::random, 4, 0);
  Audit same = done(planned()), other = done(more);
  for (Audit* audit : {&same, &other}) {
    audit->arms[0].facts.environment["certified"] = "more row counts";
    audit->arms[0].facts.environment["rope_table_sha256"] = "of a longer table";
  }
  EXPECT_EQ(compared(done(planned()), same).exit_status, 8);
  EXPECT_EQ(compared(done(planned()), other).exit_status, 0);
}

TEST(Comparison, AnotherDeviceOfTheSameKindIsTheSameDevice) {
  const Audit a = done(planned());
  Audit b = a;
  b.arms[0].facts.environment["gpu_uuid"] = "00ff";
  EXPECT_EQ(compared(a, b).exit_status, 0);
}

TEST(Comparison, ARegressionIsNotHiddenByWhatIsNotComparable) {
  Audit b = parted(1, {{.tokens = {11, 12, 13, 99}}});
  b.arms[0].facts.environment["blas"] = "0.3.29";
  const Comparison found = compared(done(planned()), b);
  EXPECT_EQ(found.exit_status, 1);
  EXPECT_THAT(found.reason, testing::StartsWith("invariant 1 of 9 streams differ"));
  EXPECT_THAT(found.reason, HasSubstr("; standard is not comparable: blas was absent"));
}

TEST(Comparison, AnotherModelPromptOrSettingOfTheStreamIsNotComparable) {
  const Audit a = done(planned());
  const auto expect_obstacle = [&](const Audit& b, const std::string& sentence) {
    EXPECT_THAT(find_obstacles(a, b), ElementsAre(HasSubstr(sentence)));
    const Comparison found = compared(a, b);
    EXPECT_EQ(found.exit_status, 8);
    EXPECT_THAT(found.reason, HasSubstr(sentence));
    EXPECT_THAT(found.arms, IsEmpty());
  };
  Audit b = a;
  b.subject.model_sha256 = "bb";
  expect_obstacle(b, "model's SHA-256 was \"aa\", is \"bb\"");
  b = a;
  b.subject.settings["logits"] = "fp32";
  expect_obstacle(b, "logits was \"bf16\", is \"fp32\"");
  b = a;
  b.plan.spec.prompt = b.plan.texts[0] = {1, 2, 4};
  expect_obstacle(b, "another prompt: 3 tokens \"a b c\" and 3 tokens \"a b c\"");
  b = a;
  b.plan.spec.max_tokens = 5;
  expect_obstacle(b, "--max-tokens was \"4\", is \"5\"");
}

TEST(Comparison, OfOtherPlansTheSolosAreComparedAndTheVerdicts) {
  const Audit a = done(planned());
  AuditBuilder more = planned();
  more.trial(TrialKind::random, 4, 0);
  Comparison found = compared(a, done(more));
  EXPECT_FALSE(found.same_plan);
  EXPECT_EQ(found.exit_status, 0);
  EXPECT_EQ(found.arms[1].streams, 2) << "the prompt's and the probe's";

  AuditBuilder worse = more;
  worse.done(1, 4, {{.tokens = {11, 12, 13, 99}}});
  worse.done(0, 4, {{.tokens = {11, 12, 13, 99}}});
  found = compared(a, done(worse));
  EXPECT_EQ(found.exit_status, 1);
  EXPECT_TRUE(found.arms[1].worse);
  EXPECT_FALSE(found.arms[0].worse) << "the control may part";
  EXPECT_EQ(found.reason, "invariant was identical, is diverged");
  EXPECT_EQ(compared(done(worse), a).exit_status, 0) << "a better verdict is none";
}

TEST(Comparison, OtherTextsMakeOtherProbes) {
  AuditBuilder other = planned();
  other.audit.plan.texts[1][6] = 8;
  EXPECT_EQ(compared(done(planned()), done(other)).arms[1].streams, 1) << "only the prompt's solo";
}

TEST(Comparison, ArmsAreMatchedByTheirClassNotByTheirNames) {
  const Audit a = done(planned());
  Audit b = done(planned({"standard", "portable"}));
  Comparison found = compared(a, b);
  EXPECT_EQ(found.arms[1].b, 1);
  EXPECT_EQ(found.exit_status, 0) << found.reason;
  EXPECT_FALSE(found.same_plan) << "arms belong to the plan";

  b = a;
  b.arms[1].facts.sum_order_class = "cpu-fma512/2";
  found = compared(a, b);
  EXPECT_EQ(found.exit_status, 8);
  EXPECT_EQ(found.reason,
            "invariant is not comparable: sum-order class was \"cpu-fma512/1\", is \"cpu-fma512/2\"");
  EXPECT_EQ(found.arms[1].equal_logits, 9) << "looked at all the same";
}

TEST(Comparison, AnArmWithoutALikeIsNotComparableAndOneMoreIsOnlyNamed) {
  const Audit both = done(planned()), one = done(planned({"standard"}));
  Comparison found = compared(both, one);
  EXPECT_EQ(found.exit_status, 8);
  EXPECT_EQ(found.reason,
            "invariant is not comparable: no arm of sum-order class cpu-fma512/1 or of its name");
  found = compared(one, both);
  EXPECT_EQ(found.exit_status, 0);
  EXPECT_THAT(found.only_b, ElementsAre(1));
}

TEST(Comparison, WithoutAStreamThatBothHaveNothingIsComparable) {
  AuditBuilder begun = planned();
  const Comparison found = compared(done(planned()), begun.audit);
  EXPECT_EQ(found.exit_status, 8);
  EXPECT_THAT(found.reason, HasSubstr("invariant is not comparable: no run or probe that both have done"));
}

TEST(Comparison, NamesTheKernelChoicesThatChangedAndAtHowManyRows) {
  AuditBuilder other = planned();
  other.vary_sum_order(1, "qkv", true);
  const Comparison found = compared(done(planned()), done(other));
  ASSERT_FALSE(found.arms[1].choices.empty());
  EXPECT_THAT(found.arms[0].choices, IsEmpty());
  for (const ChoiceChange& change : found.arms[1].choices) {
    EXPECT_EQ(change.role, "qkv");
    EXPECT_EQ(change.a, "one order");
    ASSERT_THAT(change.rows, SizeIs(1));
    EXPECT_EQ(change.b, "order of " + std::to_string(change.rows[0]) + " rows");
    EXPECT_TRUE(change.sum_order);
  }
}

TEST(Comparison, ShowsSpeedsOfBatchSizesThatBothHaveAndTheirMedianRatio) {
  AuditBuilder slow = planned();
  for (const Turn& turn : std::vector<Turn>(slow.audit.plan.order)) slow.done(turn.arm, turn.trial, {}, 1.0);
  const Comparison found = compared(done(planned()), slow.audit);
  EXPECT_EQ(found.exit_status, 0) << "speeds are shown, not judged";
  ASSERT_THAT(found.arms[1].speed, SizeIs(3));
  EXPECT_EQ(found.arms[1].speed[0].a.batch_size, 1);
  EXPECT_DOUBLE_EQ(found.arms[1].slowdown.value(), 2.0);
}

TEST(Comparison, NamesWhatOfTheSubjectChanged) {
  const Audit a = done(planned());
  Audit b = a;
  b.tool = "0.2.0";
  b.subject.settings["profile"] = "quick";
  const Comparison found = compared(a, b);
  ASSERT_THAT(found.facts, SizeIs(2));
  EXPECT_EQ(found.facts[0].name, "settings: profile");
  EXPECT_EQ(found.facts[0].a, std::nullopt);
  EXPECT_EQ(found.facts[0].b, "quick");
  EXPECT_EQ(found.facts[1].name, "tool");
}

}  // namespace
}  // namespace ra
