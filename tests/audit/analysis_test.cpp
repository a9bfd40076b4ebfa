#include "core/audit/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/statistics.h"
#include "core/error.h"
#include "tests/support/audit_builder.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::vector<int32_t> kSolo = {10, 11, 12, 13};

PlantedStream run(std::vector<int32_t> tokens, int32_t salted_from = 1 << 30) {
  return {.tokens = std::move(tokens), .salted_from = salted_from};
}

// Two arms, five runs: an edge of 1, a random trial of 2 runs, two random trials of 1 run and a companion.
// Trials: 0 solo, 1 edge {0}, 2 random {1, 2}, 3 random {3}, 4 random {4}, 5 repeat of 2.
AuditBuilder small_audit() {
  AuditBuilder builder({"standard", "invariant"}, kSolo);
  builder.trial(TrialKind::edge, 1, 0);
  builder.trial(TrialKind::random, 2, 0);
  builder.trial(TrialKind::random, 1, 1);
  builder.trial(TrialKind::random, 1, 1);
  builder.repeat_of(2);
  return builder;
}

void expect_bug(const Audit& audit, const char* message) {
  try {
    analyze(audit);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bug);
    EXPECT_THAT(error.what(), HasSubstr(message));
  }
}

TEST(Analysis, ArmsWithoutADifferenceAreIdenticalAndTheControlDidNotFire) {
  AuditBuilder builder = small_audit();
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.control, 0);
  EXPECT_EQ(finding.challenge, Challenge::none);
  EXPECT_EQ(finding.exit_status, 0);
  EXPECT_FALSE(finding.epsilon.has_value());
  for (const ArmFinding& arm : finding.arms) {
    EXPECT_EQ(arm.verdict, Verdict::identical);
    EXPECT_EQ(arm.planned, 5);
    EXPECT_EQ(arm.done, 5);
    EXPECT_EQ(arm.distinct_streams, 1);
    EXPECT_EQ(arm.equal_to_solo, 5);
    EXPECT_THAT(arm.equal_at, ElementsAre(5, 5, 5, 5));
    EXPECT_EQ(arm.digests.trials, 3);
    EXPECT_EQ(arm.digests.differing, 0);
    EXPECT_DOUBLE_EQ(arm.digests.upper95, upper95(0, 3));
    EXPECT_EQ(arm.pairs, 9) << "10 pairs less the one inside trial 2";
    EXPECT_EQ(arm.unlike_pairs, 0);
    EXPECT_EQ(arm.repeats, 1);
  }
  EXPECT_THAT(finding.verdict[1],
              testing::StartsWith("invariant: 5 of 5 runs equal solo; 1 stream; 0 of 3 random trials "
                                  "differ (at most 63.2% of such schedules, 95%)."));
  EXPECT_THAT(finding.verdict[3], HasSubstr("did not fire"));
}

// Standard: run 1 parts at 2, run 2 at 2 as well (another token), run 3 keeps its tokens but not its logits, run 4 stops
// after 2 tokens. Invariant: nothing.
TEST(Analysis, PlantedDivergencesAreFoundAsComputedByHand) {
  AuditBuilder builder = small_audit();
  const std::vector<PlantedStream> in_trial_2 = {run({10, 11, 512, 13}, 1), run({10, 11, 99, 13})};
  builder.done(0, 2, in_trial_2);
  builder.done(0, 3, {run(kSolo, 3)});
  builder.done(0, 4, {{.tokens = {10, 11}, .end = EndReason::stop}});
  builder.done(0, 5, in_trial_2);
  builder.finish();
  const Finding finding = analyze(builder.audit);
  const ArmFinding& standard = finding.arms[0];
  EXPECT_EQ(standard.verdict, Verdict::diverged);
  EXPECT_EQ(standard.distinct_streams, 4);
  EXPECT_EQ(standard.equal_to_solo, 2);
  EXPECT_THAT(standard.equal_at, ElementsAre(5, 5, 2, 2));
  EXPECT_EQ(standard.digests.differing, 3);
  EXPECT_EQ(standard.digests.trials, 3);
  EXPECT_EQ(standard.tokens.differing, 2);
  EXPECT_DOUBLE_EQ(standard.tokens.upper95, upper95(2, 3));
  EXPECT_EQ(standard.pairs, 9);
  EXPECT_EQ(standard.unlike_pairs, 8) << "runs 0 and 3 are the only equal ones";
  EXPECT_THAT(standard.runs_by_batch_size, ElementsAre(Pair(1, 1), Pair(2, 4)));
  EXPECT_EQ(standard.repeats, 1);
  EXPECT_FALSE(standard.run_to_run);

  ASSERT_EQ(standard.groups.size(), 4u);
  EXPECT_TRUE(standard.groups[0].is_solo);
  EXPECT_EQ(standard.groups[0].runs, 2);
  EXPECT_THAT(standard.groups[0].runs_by_batch_size, ElementsAre(Pair(1, 1), Pair(2, 1)));
  EXPECT_EQ(standard.groups[1].divergence->position, 2);
  EXPECT_EQ(standard.groups[1].divergence->token, 512);
  EXPECT_EQ(standard.groups[2].divergence->token, 99);
  EXPECT_EQ(standard.groups[3].divergence->solo_token, 12);
  EXPECT_EQ(standard.groups[3].divergence->token, -1) << "it had ended";
  EXPECT_EQ(standard.first_divergence->position, 2);
  EXPECT_EQ(standard.first_divergence->token, 512);

  EXPECT_EQ(finding.arms[1].verdict, Verdict::identical);
  EXPECT_EQ(finding.challenge, Challenge::tokens);
  EXPECT_EQ(finding.exit_status, 0) << "the control may diverge";
  EXPECT_EQ(finding.verdict[0],
            "invariant gave the same answer in all 5 runs, bit for bit; standard gave 4 different answers in "
            "5 runs.");
}

TEST(Analysis, ALongerStreamPartsWhereSoloEnds) {
  AuditBuilder builder({"standard"}, kSolo);
  const int32_t trial = builder.trial(TrialKind::edge, 1, 0);
  builder.done(0, 0, {{.tokens = {10, 11}, .end = EndReason::stop}});
  builder.done(0, trial, {run(kSolo)});
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].first_divergence->position, 2);
  EXPECT_EQ(finding.arms[0].first_divergence->solo_token, -1);
  EXPECT_EQ(finding.arms[0].first_divergence->token, 12);
  EXPECT_THAT(finding.arms[0].equal_at, ElementsAre(1, 1));
}

TEST(Analysis, EqualIdsWithAnotherReasonToEndAreOtherStreams) {
  AuditBuilder builder({"standard"}, kSolo);
  const int32_t trial = builder.trial(TrialKind::edge, 1, 0);
  builder.done(0, trial, {{.tokens = kSolo, .end = EndReason::stop}});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].equal_to_solo, 0);
  EXPECT_EQ(finding.arms[0].first_divergence->position, 4);
}

TEST(Analysis, LogitsAfterTheFirstDifferenceAreNotCompared) {
  AuditBuilder builder = small_audit();
  // Both part at 1; the second one's digests differ later, which is no other stream and no epsilon's sample.
  builder.done(0, 2, {run({10, 50, 12, 13}), run({10, 50, 12, 13}, 2)});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].distinct_streams, 2);
  EXPECT_EQ(finding.epsilon_samples, 0);
}

TEST(Analysis, AnInvariantArmThatDivergesExitsWithOne) {
  AuditBuilder builder = small_audit();
  builder.done(1, 3, {run({10, 11, 12, 50})});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[1].verdict, Verdict::diverged);
  EXPECT_EQ(finding.exit_status, 1);
  EXPECT_TRUE(finding.weakest_operation.empty()) << "no arm is clean";
}

TEST(Analysis, AnArmThatPromisesBitsMayNotEvenDifferInLogits) {
  AuditBuilder builder = small_audit();
  builder.done(1, 3, {run(kSolo, 2)});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[1].verdict, Verdict::tokens_identical);
  EXPECT_EQ(finding.exit_status, 1);
}

TEST(Analysis, AnOpaqueArmBesidesTheControlMustKeepItsTokensOnly) {
  AuditBuilder builder({"standard", "mixed"}, kSolo);
  const int32_t trial = builder.trial(TrialKind::random, 1, 1);
  builder.done(1, trial, {run(kSolo, 2)});
  builder.finish();
  EXPECT_EQ(analyze(builder.audit).exit_status, 0);
  AuditBuilder parted({"standard", "mixed"}, kSolo);
  parted.done(1, parted.trial(TrialKind::random, 1, 1), {run({10, 11, 12, 50})});
  parted.finish();
  EXPECT_EQ(analyze(parted.audit).exit_status, 1);
}

TEST(Analysis, ADifferentProbeIsADifferenceInLogitsOnly) {
  AuditBuilder builder({"standard", "invariant"}, kSolo);
  const int32_t probe = builder.probe(5, 3);
  const int32_t trial = builder.trial(TrialKind::random, 1, 0, {probe});
  builder.trial(TrialKind::random, 0, 1, {probe});
  builder.done(0, trial, {run(kSolo), AuditBuilder::probe_stream(3, 1)});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].verdict, Verdict::tokens_identical);
  EXPECT_EQ(finding.arms[0].probes, 2);
  EXPECT_EQ(finding.arms[0].probes_unlike, 1);
  EXPECT_EQ(finding.arms[0].digests.differing, 1);
  EXPECT_EQ(finding.arms[0].digests.trials, 2);
  EXPECT_EQ(finding.arms[0].tokens.trials, 1) << "the second trial holds no run";
  EXPECT_EQ(finding.challenge, Challenge::logits);
  EXPECT_EQ(finding.arms[0].planned, 1) << "probes are no runs";
}

TEST(Analysis, TrialsOfOneScheduleCountOnce) {
  AuditBuilder builder({"standard"}, kSolo);
  builder.trial(TrialKind::random, 1, 0);
  const int32_t same = builder.trial(TrialKind::random, 1, 0);
  builder.trial(TrialKind::random, 1, 1);
  builder.done(0, same, {run(kSolo, 0)});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].digests.trials, 2);
  EXPECT_EQ(finding.arms[0].digests.differing, 1);
}

TEST(Analysis, StrataAreReportedByThemselves) {
  AuditBuilder builder({"standard"}, kSolo);
  builder.trial(TrialKind::random, 1, 1);
  const int32_t chunked = builder.trial(TrialKind::random, 1, 1, {}, Stratum::chunk);
  builder.done(0, chunked, {run({10, 50, 12, 13})});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  ASSERT_EQ(finding.arms[0].strata.size(), 2u);
  EXPECT_EQ(finding.arms[0].strata[0].stratum, Stratum::rows);
  EXPECT_EQ(finding.arms[0].strata[0].tokens.differing, 0);
  EXPECT_EQ(finding.arms[0].strata[1].stratum, Stratum::chunk);
  EXPECT_EQ(finding.arms[0].strata[1].tokens.differing, 1);
  EXPECT_EQ(finding.arms[0].tokens.trials, 2);
}

TEST(Analysis, ARepeatThatDiffersIsRunToRunVariation) {
  AuditBuilder builder = small_audit();
  builder.done(0, 5, {run(kSolo), run({10, 11, 50, 13})});
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_TRUE(finding.arms[0].run_to_run);
  EXPECT_EQ(finding.arms[0].repeats, 1);
  EXPECT_EQ(finding.arms[0].repeats_unlike, 1);
  EXPECT_EQ(finding.arms[0].equal_to_solo, 5) << "repeats are outside the N";
  EXPECT_EQ(finding.arms[0].digests.differing, 0);
  EXPECT_EQ(finding.arms[0].verdict, Verdict::diverged);
  EXPECT_THAT(finding.verdict,
              testing::Contains(HasSubstr("none of its divergences is put down to the batch")));
}

TEST(Analysis, ARepeatWithOtherKernelChoicesDoesNotCount) {
  AuditBuilder builder = small_audit();
  builder.finish();
  Audit& audit = builder.audit;
  audit.choice_sets.push_back({{.role = "qkv", .choice = "another", .sum_order = "another"}});
  for (Attempt& attempt : audit.attempts) {
    if (attempt.arm == 0 && attempt.trial == 5) {
      attempt.launches[1].choice_set = static_cast<int32_t>(audit.choice_sets.size() - 1);
    }
  }
  const Finding finding = analyze(audit);
  EXPECT_EQ(finding.arms[0].repeats, 0);
  EXPECT_EQ(finding.arms[0].repeats_not_comparable, 1);
  EXPECT_EQ(finding.arms[1].repeats, 1);
}

TEST(Analysis, WhatIsMissingMakesAnArmIncompleteAndTheCountsAddUp) {
  AuditBuilder builder = small_audit();
  builder.finish();
  Audit& audit = builder.audit;
  // Invariant: trial 2 failed, trial 4 was never begun.
  std::erase_if(audit.attempts,
                [](const Attempt& at) { return at.arm == 1 && (at.trial == 2 || at.trial == 4); });
  std::erase_if(audit.sequences,
                [](const SequenceFact& at) { return at.arm == 1 && (at.trial == 2 || at.trial == 4); });
  builder.failed(1, 2, "out of memory");
  const Finding finding = analyze(audit);
  const ArmFinding& arm = finding.arms[1];
  EXPECT_EQ(arm.verdict, Verdict::incomplete);
  EXPECT_EQ(arm.planned, 5);
  EXPECT_EQ(arm.done, 2);
  EXPECT_EQ(arm.failed, 2);
  EXPECT_EQ(arm.pending, 1);
  EXPECT_EQ(arm.digests.trials, 1);
  EXPECT_EQ(arm.repeats, 0);
  EXPECT_TRUE(finding.incomplete);
  EXPECT_EQ(finding.exit_status, 5);
}

TEST(Analysis, ARetryReplacesAFailedAttempt) {
  AuditBuilder builder = small_audit();
  builder.failed(0, 3, "timed out");
  builder.done(0, 3);
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].done, 5);
  EXPECT_EQ(finding.arms[0].failed, 0);
  EXPECT_EQ(finding.exit_status, 0);
}

TEST(Analysis, WithoutSoloNothingIsCompared) {
  AuditBuilder builder({"standard"}, kSolo);
  builder.done(0, builder.trial(TrialKind::random, 1, 0));
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.arms[0].verdict, Verdict::incomplete);
  EXPECT_EQ(finding.arms[0].digests.trials, 0);
  EXPECT_FALSE(finding.arms[0].groups[0].is_solo);
}

TEST(Analysis, TheFirstSentenceSaysWhereAnAuditWithoutControlStands) {
  AuditBuilder builder({"invariant"}, kSolo);
  builder.trial(TrialKind::random, 1, 1);
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(finding.control, -1);
  EXPECT_THAT(finding.verdict, testing::Contains(HasSubstr("No control")));
}

TEST(Analysis, DifferentTokensFromEqualDigestsAreABug) {
  AuditBuilder builder = small_audit();
  builder.done(0, 2, {run(kSolo), run({10, 11, 50, 13})});
  builder.finish();
  for (Stream& stream : builder.audit.streams) {
    if (stream.tokens.size() == 4 && stream.tokens[2] == 50)
      stream.steps[2].digest = builder.audit.streams[0].steps[2].digest;
  }
  expect_bug(builder.audit, "token 2 is 12 and 50 from logits of one digest");
}

TEST(Analysis, LaunchesUnlikeThePlanAreABug) {
  AuditBuilder builder = small_audit();
  builder.finish();
  ++builder.audit.attempts[2].launches[1].rows;
  expect_bug(builder.audit, "the witness to equal the plan");
}

TEST(Analysis, TheWitnessCountsLaunchesByRowsAndBySequences) {
  AuditBuilder builder({"standard"}, kSolo);
  builder.trial(TrialKind::edge, 2, 0);
  builder.finish();
  const ArmFinding arm = analyze(builder.audit).arms[0];
  // Solo: a prefill of 3 rows and 3 steps of 1; the edge: a prefill of 6 and 3 steps of 2.
  EXPECT_THAT(arm.launches_by_rows, ElementsAre(Pair(1, 3), Pair(2, 3), Pair(3, 1), Pair(6, 1)));
  EXPECT_THAT(arm.launches_by_logit_rows, ElementsAre(Pair(1, 4), Pair(2, 4)));
  EXPECT_DOUBLE_EQ(arm.seconds, 1.0);
  EXPECT_DOUBLE_EQ(arm.tokens_per_second, 12);
}

TEST(Analysis, SpeedIsTheMedianOverTrialsOfABatchSize) {
  AuditBuilder builder({"standard"}, kSolo);
  for (const double seconds : {0.5, 1.0, 4.0})
    builder.done(0, builder.trial(TrialKind::random, 2, 0), {}, seconds);
  builder.finish();
  const ArmFinding arm = analyze(builder.audit).arms[0];
  ASSERT_EQ(arm.speed.size(), 2u);
  EXPECT_EQ(arm.speed[1].batch_size, 2);
  EXPECT_EQ(arm.speed[1].trials, 3);
  EXPECT_DOUBLE_EQ(arm.speed[1].tokens_per_second, 8);
  EXPECT_DOUBLE_EQ(arm.speed[1].low, 2);
  EXPECT_DOUBLE_EQ(arm.speed[1].high, 16);
}

TEST(Analysis, TopTiesAreThoseOfSolo) {
  AuditBuilder builder = small_audit();
  builder.finish();
  builder.audit.streams[0].steps[1].value[1] = builder.audit.streams[0].steps[1].value[0];
  EXPECT_EQ(analyze(builder.audit).arms[0].top_ties, 1);
}

}  // namespace
}  // namespace ra
