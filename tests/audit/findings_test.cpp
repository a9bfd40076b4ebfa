// From a script to the findings, through plan, runner and database: what is found is what was planted, counted here by
// walking the plan.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/audit/analysis.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

class Findings : public testing::Test {
 protected:
  PlanSpec spec_ = [] {
    PlanSpec spec = scripted_spec();
    spec.runs = 60;
    spec.strata = {Stratum::rows, Stratum::preempt};
    return spec;
  }();
  const Plan plan_ = make_plan(spec_);

  Finding find(const Script& standard, const Script& invariant = {}) const {
    const TemporaryFolder folder;
    ScriptedAudit scripted = scripted_audit(spec_, standard, invariant);
    Store store = Store::open_writer(folder / "audits.db");
    store.create(scripted.audit);
    EXPECT_EQ(run_audit(scripted.audit, scripted.arms(), store, scripted_options()), RunEnd::complete);
    return analyze(store.load(scripted.audit.id));
  }

  // The trials that hold any of these runs.
  std::set<int32_t> trials_with(const std::set<int32_t>& runs) const {
    std::set<int32_t> trials;
    for (const Trial& trial : plan_.trials) {
      for (const PlannedSequence& sequence : trial.sequences) {
        if (sequence.kind == SequenceKind::run && runs.contains(sequence.index)) trials.insert(trial.id);
      }
    }
    return trials;
  }
  std::vector<int32_t> trials_of(TrialKind kind) const {
    std::vector<int32_t> trials;
    for (const Trial& trial : plan_.trials) {
      if (trial.kind == kind) trials.push_back(trial.id);
    }
    return trials;
  }
  int64_t random_among(const std::set<int32_t>& trials) const {
    int64_t count = 0;
    for (int32_t trial : trials_of(TrialKind::random)) count += trials.contains(trial);
    return count;
  }
  int32_t place_of(int32_t trial, SequenceKind kind) const {
    const auto& sequences = plan_.trials[static_cast<size_t>(trial)].sequences;
    for (size_t i = 0; i < sequences.size(); ++i) {
      if (sequences[i].kind == kind) return static_cast<int32_t>(i);
    }
    return -1;
  }
  // A random trial with a probe and none of these runs.
  int32_t other_random_trial(const std::set<int32_t>& taken) const {
    for (int32_t trial : trials_of(TrialKind::random)) {
      if (!taken.contains(trial) && place_of(trial, SequenceKind::probe) >= 0) return trial;
    }
    throw std::runtime_error("the plan has no such trial");
  }
};

TEST_F(Findings, WithoutAnythingPlantedAllIsIdenticalAndTheControlDidNotFire) {
  const Finding finding = find({});
  for (const ArmFinding& arm : finding.arms) {
    EXPECT_EQ(arm.verdict, Verdict::identical);
    EXPECT_EQ(arm.planned, 60);
    EXPECT_EQ(arm.done, 60);
    EXPECT_EQ(arm.distinct_streams, 1);
    EXPECT_EQ(arm.equal_to_solo, 60);
    EXPECT_EQ(arm.digests.differing, 0);
    EXPECT_EQ(arm.digests.trials, static_cast<int64_t>(trials_of(TrialKind::random).size()));
    EXPECT_EQ(arm.repeats, static_cast<int64_t>(trials_of(TrialKind::repeat).size()));
    EXPECT_FALSE(arm.run_to_run);
  }
  EXPECT_EQ(finding.challenge, Challenge::none);
}

TEST_F(Findings, PlantedDivergencesAreCountedWhereTheyAre) {
  const std::set<int32_t> parting = {3, 31, 45, 46};
  Script standard;
  standard.run_token = {{3, 4}, {31, 4}, {45, 7}, {46, 11}};
  const std::set<int32_t> trials = trials_with(parting);
  const int32_t logits_only = other_random_trial(trials);
  standard.logits = {{{logits_only, place_of(logits_only, SequenceKind::probe)}, 2}};
  const Finding finding = find(standard);

  const ArmFinding& arm = finding.arms[0];
  EXPECT_EQ(arm.verdict, Verdict::diverged);
  EXPECT_EQ(arm.distinct_streams, 4) << "solo's, one of two runs at 4, and two more";
  EXPECT_EQ(arm.equal_to_solo, 56);
  ASSERT_TRUE(arm.first_divergence.has_value());
  EXPECT_EQ(arm.first_divergence->position, 4);
  EXPECT_EQ(arm.first_divergence->token, (arm.first_divergence->solo_token + 1) % spec_.vocab);
  EXPECT_EQ(arm.equal_at.at(3), 60);
  EXPECT_EQ(arm.equal_at.at(4), 58);
  EXPECT_EQ(arm.equal_at.at(7), 57);
  EXPECT_EQ(arm.equal_at.at(11), 56);
  EXPECT_EQ(arm.tokens.differing, random_among(trials));
  EXPECT_EQ(arm.digests.differing, random_among(trials) + 1);
  const auto again = std::count_if(plan_.trials.begin(), plan_.trials.end(),
                                   [&](const Trial& trial) { return trial.repeat_of == logits_only; });
  EXPECT_EQ(arm.probes_unlike, 1 + again) << "in the trial and where it is repeated";
  EXPECT_FALSE(arm.run_to_run);
  EXPECT_EQ(finding.challenge, Challenge::tokens);
  EXPECT_EQ(finding.arms[1].verdict, Verdict::identical);
  EXPECT_EQ(finding.exit_status, 0) << "the control may part, the treatment did not";
}

TEST_F(Findings, ADivergenceOfTheTreatmentIsExitStatusOne) {
  Script invariant;
  invariant.run_token = {{20, 0}};
  const Finding finding = find({}, invariant);
  EXPECT_EQ(finding.arms[1].verdict, Verdict::diverged);
  EXPECT_EQ(finding.arms[1].first_divergence->position, 0);
  EXPECT_EQ(finding.exit_status, 1);
}

TEST_F(Findings, LogitsAloneAreSeenBeforeAnyTokenChanges) {
  const int32_t trial = other_random_trial({});
  Script standard;
  standard.logits = {{{trial, place_of(trial, SequenceKind::run)}, 9}};
  const Finding finding = find(standard);
  EXPECT_EQ(finding.arms[0].verdict, Verdict::tokens_identical);
  EXPECT_EQ(finding.arms[0].digests.differing, 1);
  EXPECT_EQ(finding.arms[0].tokens.differing, 0);
  EXPECT_EQ(finding.challenge, Challenge::logits);
}

TEST_F(Findings, ARepeatThatDiffersIsRunToRunVariation) {
  const int32_t repeat = trials_of(TrialKind::repeat).front();
  Script standard;
  standard.token = {{{repeat, place_of(repeat, SequenceKind::run)}, 5}};
  const Finding finding = find(standard);
  EXPECT_TRUE(finding.arms[0].run_to_run);
  EXPECT_EQ(finding.arms[0].repeats_unlike, 1);
  EXPECT_EQ(finding.arms[0].equal_to_solo, 60) << "a repeat's runs are outside the N";
  EXPECT_EQ(finding.arms[0].tokens.differing, 0) << "and outside the T";
}

TEST_F(Findings, FailedRunsAreCountedAndBelongToNoGroup) {
  const int32_t trial = other_random_trial({});
  int64_t runs = 0;
  for (const PlannedSequence& sequence : plan_.trials[static_cast<size_t>(trial)].sequences) {
    runs += sequence.kind == SequenceKind::run;
  }
  Script invariant;
  invariant.failing_trials = {trial};
  const ArmFinding arm = find({}, invariant).arms[1];
  EXPECT_EQ(arm.failed, runs);
  EXPECT_EQ(arm.done, 60 - runs);
  EXPECT_EQ(arm.pending, 0);
  EXPECT_EQ(arm.equal_to_solo, 60 - runs);
  EXPECT_EQ(arm.verdict, Verdict::incomplete);
}

}  // namespace
}  // namespace ra
