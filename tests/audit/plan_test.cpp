#include "core/audit/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "tests/support/plan_specs.h"

namespace ra {
namespace {

std::vector<Trial> of_kind(const Plan& plan, TrialKind kind) {
  std::vector<Trial> found;
  std::copy_if(plan.trials.begin(), plan.trials.end(), std::back_inserter(found),
               [&](const Trial& trial) { return trial.kind == kind; });
  return found;
}

int64_t count(const Trial& trial, SequenceKind kind) {
  return std::count_if(trial.sequences.begin(), trial.sequences.end(),
                       [&](const PlannedSequence& sequence) { return sequence.kind == kind; });
}

TEST(Plan, IsTheSameOnEveryMachine) {
  EXPECT_EQ(plan_sha256(make_plan(spec_of(100))),
            "0e80d2876a87d42bfc695f88fc202d15ef0fcbe084fa7faad4f297fc1a60cfae");
  EXPECT_EQ(plan_sha256(make_plan(spec_with_all_strata(100))),
            "8d58f9e043aea67aef9eba265d9a1aa120e340d93faca3d8906d181dcc477218");
}

TEST(Plan, AnotherSeedIsAnotherPlan) {
  PlanSpec other = spec_of(100);
  other.seed = 8;
  EXPECT_NE(plan_sha256(make_plan(other)), plan_sha256(make_plan(spec_of(100))));
}

TEST(Plan, DrawsAreUniformAndKeyed) {
  std::map<uint64_t, int> seen;
  for (uint64_t i = 0; i < 6000; ++i) ++seen[draw(1, 2, i, 0, 6)];
  ASSERT_EQ(seen.size(), 6u);
  for (const auto& [value, times] : seen) EXPECT_NEAR(times, 1000, 150) << value;
  EXPECT_NE(draw(1, 2, 3, 4, UINT64_MAX), draw(1, 2, 4, 3, UINT64_MAX));
  EXPECT_EQ(draw(1, 2, 3, 4, 1), 0u);
}

TEST(Plan, EveryRunIsPlannedOnce) {
  for (int32_t runs : {1, 2, 5, 8, 9, 20, 21, 22, 64, 100, 137, 250, 1000}) {
    const Plan plan = make_plan(spec_of(runs));
    std::vector<int> planned(static_cast<size_t>(runs), 0);
    for (const Trial& trial : plan.trials) {
      const bool counted = trial.kind == TrialKind::edge || trial.kind == TrialKind::random;
      if (counted) {
        EXPECT_GE(count(trial, SequenceKind::run), 1) << "N = " << runs << ", trial " << trial.id;
      }
      for (const PlannedSequence& sequence : trial.sequences) {
        if (sequence.kind != SequenceKind::run) continue;
        ASSERT_EQ(sequence.index >= 0, counted) << "solo and repeats are outside the N";
        if (counted) ++planned.at(static_cast<size_t>(sequence.index));
      }
    }
    EXPECT_THAT(planned, testing::Each(1)) << "N = " << runs;
  }
}

TEST(Plan, TrialZeroIsThePromptAloneAndEveryProbeHasItsSolo) {
  const Plan plan = make_plan(spec_of(100));
  ASSERT_EQ(plan.trials[0].sequences.size(), 1u);
  EXPECT_EQ(plan.trials[0].kind, TrialKind::solo);
  EXPECT_EQ(plan.trials[0].sequences[0].kind, SequenceKind::run);
  EXPECT_EQ(plan.trials[0].sequences[0].steps, 100);
  ASSERT_EQ(plan.probes.size(), 10u);
  for (size_t i = 0; i < plan.probes.size(); ++i) {
    const Trial& solo = plan.trials[i + 1];
    EXPECT_EQ(solo.kind, TrialKind::solo);
    ASSERT_EQ(solo.sequences.size(), 1u);
    EXPECT_EQ(solo.sequences[0].index, static_cast<int32_t>(i));
    EXPECT_EQ(solo.sequences[0].offset, 0) << "nested prefixes of one text";
    EXPECT_EQ(solo.sequences[0].prompt_length, plan.probes[i].context);
  }
}

TEST(Plan, ProbesThatTheModelHasNoRoomForAreLeftOut) {
  PlanSpec spec = spec_of(20);
  spec.max_positions = 262;
  EXPECT_EQ(make_plan(spec).probes.back().context, 256);
}

TEST(Plan, EveryEdgeOfTheBatchSizesIsATrial) {
  std::vector<int32_t> sizes;
  for (const Trial& trial : of_kind(make_plan(spec_of(1000)), TrialKind::edge))
    sizes.push_back(trial.batch_size);
  EXPECT_THAT(sizes, testing::ElementsAre(1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32));
}

TEST(Plan, BatchSizesAreTheSpecsOwn) {
  PlanSpec spec = spec_of(200);
  spec.batch_sizes = {2, 6, 12};
  std::set<int32_t> edges;
  for (const Trial& trial : make_plan(spec).trials) {
    if (trial.kind == TrialKind::edge) edges.insert(trial.batch_size);
    if (trial.kind != TrialKind::solo) {
      EXPECT_THAT(spec.batch_sizes, testing::Contains(trial.batch_size));
    }
  }
  EXPECT_THAT(edges, testing::ElementsAre(2, 12));
}

TEST(Plan, AThousandRunsMakeFiftyRandomTrialsOrMore) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    PlanSpec spec = spec_of(1000);
    spec.seed = seed;
    const size_t trials = of_kind(make_plan(spec), TrialKind::random).size();
    EXPECT_GE(trials, 50u);
    EXPECT_LE(trials, 75u);
  }
}

TEST(Plan, FewRunsAreSpreadOverEightRandomTrialsAndAllEdges) {
  const Plan plan = make_plan(spec_of(21));
  EXPECT_EQ(of_kind(plan, TrialKind::random).size(), 8u);
  EXPECT_EQ(of_kind(plan, TrialKind::edge).size(), 13u);
  EXPECT_EQ(of_kind(make_plan(spec_of(10)), TrialKind::random).size(), 8u);
}

TEST(Plan, RandomTrialsThatWereAskedForAreMade) {
  PlanSpec spec = spec_of(1000);
  spec.min_random_trials = 300;
  EXPECT_EQ(of_kind(make_plan(spec), TrialKind::random).size(), 300u);
}

TEST(Plan, ABatchOfTwoOrMoreHasOneProbeOrNoneAndThenACompanion) {
  const Plan plan = make_plan(spec_with_all_strata(1000));
  std::map<int32_t, int> probes;
  std::map<std::pair<Stratum, bool>, int> random_trials;  // (stratum, has a probe) -> trials
  for (const Trial& trial : plan.trials) {
    EXPECT_EQ(trial.batch_size, static_cast<int32_t>(trial.sequences.size()));
    if (trial.kind == TrialKind::solo || trial.batch_size == 1) continue;
    const int64_t here = count(trial, SequenceKind::probe);
    EXPECT_LE(here, 1);
    if (trial.kind == TrialKind::edge) {
      EXPECT_EQ(here, 1);
    }
    if (here == 0) {
      EXPECT_GE(count(trial, SequenceKind::companion), 1);
    }
    if (trial.kind == TrialKind::random) ++random_trials[{trial.stratum, here == 1}];
    for (const PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind == SequenceKind::probe) ++probes[sequence.index];
    }
  }
  EXPECT_EQ(probes.size(), plan.probes.size());
  for (const auto& [probe, times] : probes) EXPECT_GE(times, 3) << probe;
  EXPECT_EQ(random_trials.size(), 8u) << "with and without in each stratum";
}

TEST(Plan, RunsAndProbesHaveEveryPlaceInABatch) {
  const Plan plan = make_plan(spec_of(1000));
  std::set<size_t> places;
  for (const Trial& trial : of_kind(plan, TrialKind::random)) {
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      if (trial.sequences[i].kind == SequenceKind::probe) places.insert(i);
    }
  }
  EXPECT_GT(places.size(), 12u);
}

TEST(Plan, SequencesStayInTheirTextsAndInTheModel) {
  const Plan plan = make_plan(spec_with_all_strata(1000));
  std::set<int32_t> companion_prompts;
  for (const Trial& trial : plan.trials) {
    for (const PlannedSequence& sequence : trial.sequences) {
      ASSERT_GT(sequence.prompt_length, 0);
      ASSERT_GT(sequence.steps, 0);
      ASSERT_GE(sequence.offset, 0);
      ASSERT_LE(sequence.prompt_length + sequence.steps, plan.spec.max_positions);
      const size_t needed = static_cast<size_t>(sequence.offset + sequence.prompt_length +
                                                (sequence.kind == SequenceKind::run ? 0 : sequence.steps));
      ASSERT_LE(needed, plan.texts.at(static_cast<size_t>(sequence.text)).size());
      if (sequence.kind == SequenceKind::companion) companion_prompts.insert(sequence.prompt_length);
    }
  }
  EXPECT_GT(companion_prompts.size(), 20u);
  EXPECT_GE(*companion_prompts.begin(), 20);
  EXPECT_LE(*companion_prompts.rbegin(), 68);
}

TEST(Plan, TheRowsStratumVariesRowsAlone) {
  for (const Trial& trial : make_plan(spec_of(1000)).trials) {
    EXPECT_EQ(trial.stratum, Stratum::rows);
    for (const PlannedSequence& sequence : trial.sequences) {
      EXPECT_TRUE(sequence.chunks.empty());
      EXPECT_TRUE(sequence.preemptions.empty());
      if (trial.kind == TrialKind::solo || trial.kind == TrialKind::edge) {
        EXPECT_EQ(sequence.arrival, 0);
      }
    }
  }
}

TEST(Plan, StrataTakeTurnsAndDoWhatTheyAreNamedFor) {
  const std::vector<Trial> trials = of_kind(make_plan(spec_with_all_strata(1000)), TrialKind::random);
  for (size_t i = 0; i < trials.size(); ++i) {
    bool chunked = false;
    bool preempted = false;
    for (const PlannedSequence& sequence : trials[i].sequences) {
      chunked |= !sequence.chunks.empty();
      preempted |= !sequence.preemptions.empty();
      if (!sequence.chunks.empty()) {
        EXPECT_GT(*std::min_element(sequence.chunks.begin(), sequence.chunks.end()), 0);
        EXPECT_EQ(std::accumulate(sequence.chunks.begin(), sequence.chunks.end(), 0), sequence.prompt_length);
      }
      EXPECT_LE(sequence.preemptions.size(), 2u);
      int32_t before = 0;
      for (const Preemption& preemption : sequence.preemptions) {
        EXPECT_GT(preemption.after, before);
        EXPECT_LT(preemption.after, sequence.steps);
        before = preemption.after;
      }
    }
    EXPECT_EQ(trials[i].stratum, static_cast<Stratum>(i % 4));
    if (i % 4 == 0 || i % 4 == 2) {
      EXPECT_FALSE(chunked);
    }
    if (i % 4 == 0 || i % 4 == 1) {
      EXPECT_FALSE(preempted);
    }
  }
}

TEST(Plan, HalfOfTheRandomTrialsArriveInLockStep) {
  int64_t lock_step = 0;
  const std::vector<Trial> trials = of_kind(make_plan(spec_of(1000)), TrialKind::random);
  for (const Trial& trial : trials) {
    int32_t last = 0;
    int32_t first = INT32_MAX;
    for (const PlannedSequence& sequence : trial.sequences) {
      first = std::min(first, sequence.arrival);
      last = std::max(last, sequence.arrival);
    }
    EXPECT_EQ(first, 0);
    EXPECT_LE(last, 50);
    lock_step += last == 0;
  }
  EXPECT_NEAR(static_cast<double>(lock_step), static_cast<double>(trials.size()) / 2, 2);
}

TEST(Plan, RandomSchedulesDiffer) {
  for (PlanSpec spec : {spec_of(1000), spec_with_all_strata(1000)}) {
    const Plan plan = make_plan(spec);
    std::set<std::vector<std::vector<int32_t>>> seen;
    std::vector<Trial> trials = of_kind(plan, TrialKind::random);
    trials.push_back(plan.trials[0]);
    for (const Trial& trial : trials) {
      std::vector<std::vector<int32_t>> steps;
      for (const ScheduledStep& step : schedule(trial, spec.max_rows)) {
        steps.emplace_back();
        for (const ScheduledSlice& slice : step) {
          const PlannedSequence& sequence = trial.sequences[static_cast<size_t>(slice.sequence)];
          steps.back().insert(steps.back().end(),
                              {slice.position, slice.rows, sequence.text, sequence.offset});
        }
      }
      EXPECT_TRUE(seen.insert(steps).second) << "trial " << trial.id;
    }
  }
}

TEST(Plan, ATenthOfTheRandomTrialsAndAtLeastTwentyRunAgainLater) {
  for (const int32_t runs : {10, 1000, 5000}) {
    const Plan plan = make_plan(spec_of(runs));
    std::map<int32_t, size_t> place;
    for (size_t i = 0; i < plan.order.size(); ++i) place.emplace(plan.order[i].trial, i);
    const std::vector<Trial> found = of_kind(plan, TrialKind::repeat);
    const size_t trials = of_kind(plan, TrialKind::random).size();
    EXPECT_EQ(found.size(), std::min(trials, std::max<size_t>(20, (trials + 9) / 10)));
    std::set<int32_t> originals;
    for (const Trial& repeat : found) {
      const Trial& original = plan.trials.at(static_cast<size_t>(repeat.repeat_of));
      EXPECT_TRUE(originals.insert(original.id).second);
      EXPECT_EQ(original.kind, TrialKind::random);
      EXPECT_LT(place.at(original.id), place.at(repeat.id));
      ASSERT_EQ(schedule(repeat, 2048).size(), schedule(original, 2048).size());
    }
  }
}

TEST(Plan, ArmsTakeTurnsInAbbaOrder) {
  const Plan plan = make_plan(spec_of(100));
  ASSERT_EQ(plan.order.size(), plan.trials.size() * 2);
  std::set<int32_t> seen;
  for (size_t i = 0; i < plan.order.size(); i += 2) {
    EXPECT_EQ(plan.order[i].trial, plan.order[i + 1].trial);
    EXPECT_NE(plan.order[i].arm, plan.order[i + 1].arm);
    EXPECT_EQ(plan.order[i].arm, plan.order[i == 0 ? 0 : i - 1].arm) << "the arm that was last is first";
    EXPECT_TRUE(seen.insert(plan.order[i].trial).second);
  }
  EXPECT_EQ(seen.size(), plan.trials.size());
  std::set<int32_t> first_arms;
  for (uint64_t seed = 0; seed < 16; ++seed) {
    PlanSpec spec = spec_of(8);
    spec.seed = seed;
    first_arms.insert(make_plan(spec).order[0].arm);
  }
  EXPECT_EQ(first_arms.size(), 2u) << "the seed draws who begins";
}

TEST(Plan, SmallestSpecsWork) {
  PlanSpec spec = spec_with_all_strata(3);
  spec.prompt = {0};
  spec.vocab = 1;
  spec.max_positions = 2;
  spec.max_tokens = 1;
  spec.batch_sizes = {1};
  spec.arms = {"standard"};
  EXPECT_TRUE(make_plan(spec).probes.empty());
  spec.batch_sizes = {4};
  for (const Trial& trial : of_kind(make_plan(spec), TrialKind::random))
    EXPECT_EQ(trial.sequences.size(), 4u);
}

}  // namespace
}  // namespace ra
