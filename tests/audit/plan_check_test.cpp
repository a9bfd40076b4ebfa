// What a plan's spec may ask for, and what a plan that was read back must hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/audit/plan_text.h"
#include "core/error.h"
#include "tests/support/plan_specs.h"

namespace ra {
namespace {

Exit status_of(const PlanSpec& spec) {
  try {
    make_plan(spec);
  } catch (const Error& error) {
    return error.status();
  }
  return Exit::ok;
}

TEST(Plan, WhatCannotBePlannedIsAnErrorThatNamesTheOption) {
  PlanSpec spec = spec_of(0);
  EXPECT_EQ(status_of(spec), Exit::usage);
  spec = spec_of(10);
  spec.prompt.clear();
  EXPECT_EQ(status_of(spec), Exit::bad_input);
  spec = spec_of(10);
  spec.prompt[3] = spec.vocab;
  EXPECT_EQ(status_of(spec), Exit::bad_input);
  spec = spec_of(10);
  spec.prompt[3] = -1;
  EXPECT_EQ(status_of(spec), Exit::bad_input);
  spec = spec_of(10);
  spec.max_positions = 40;
  EXPECT_EQ(status_of(spec), Exit::bad_input) << "the prompt alone fills the context";
  spec = spec_of(10);
  spec.max_positions = 139;
  EXPECT_EQ(status_of(spec), Exit::usage) << "--max-tokens does not fit";
  for (const std::vector<int32_t>& sizes :
       std::vector<std::vector<int32_t>>{{}, {0}, {2, 1}, {3, 3}, {100000}}) {
    spec = spec_of(10);
    spec.batch_sizes = sizes;
    EXPECT_EQ(status_of(spec), Exit::usage);
  }
  spec = spec_of(299);
  spec.min_random_trials = 300;
  EXPECT_EQ(status_of(spec), Exit::usage) << "a run for every random trial";
  spec = spec_of(10);
  spec.strata = {Stratum::rows, Stratum::rows};
  EXPECT_EQ(status_of(spec), Exit::usage);
}

using testing::HasSubstr;

TEST(PlanCheck, EveryPlanThatIsMadeHolds) {
  for (int32_t runs : {1, 3, 20, 137, 1000}) {
    EXPECT_NO_THROW(check_plan(make_plan(spec_of(runs)))) << runs;
    EXPECT_NO_THROW(check_plan(make_plan(spec_with_all_strata(runs)))) << runs;
  }
}

// The first sequence of a kind in a random trial.
PlannedSequence& sequence_of(Plan& plan, SequenceKind kind) {
  for (Trial& trial : plan.trials) {
    if (trial.kind != TrialKind::random) continue;
    for (PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind == kind) return sequence;
    }
  }
  throw Error(Exit::bug, "a sequence of every kind");
}

TEST(PlanCheck, EveryNumberOutOfItsRangeIsFoundAndNamed) {
  const auto run = [](Plan& plan) -> PlannedSequence& { return sequence_of(plan, SequenceKind::run); };
  const auto probe = [](Plan& plan) -> PlannedSequence& { return sequence_of(plan, SequenceKind::probe); };
  const auto other = [](Plan& plan) -> PlannedSequence& {
    return sequence_of(plan, SequenceKind::companion);
  };
  const std::pair<const char*, std::function<void(Plan&)>> cases[] = {
      {"its texts", [](Plan& plan) { plan.texts[0][0] += 1; }},
      {"its texts", [](Plan& plan) { plan.texts.pop_back(); }},
      {"token id 49152", [](Plan& plan) { plan.texts[1][5] = 49152; }},
      {"a probe without positions", [](Plan& plan) { plan.probes[2].context = 0; }},
      {"a probe beyond its text", [](Plan& plan) { plan.probes[2].context = INT32_MAX; }},
      {"trial 0; expected the prompt's solo", [](Plan& plan) { plan.trials[0].kind = TrialKind::edge; }},
      {"trial 2: another number", [](Plan& plan) { plan.trials[2].id = 3; }},
      {"a batch size that is not", [](Plan& plan) { plan.trials[20].batch_size += 1; }},
      {"a batch size that is not", [](Plan& plan) { plan.trials[3].sequences.clear(); }},
      {"a repeat of no random trial", [](Plan& plan) { plan.trials.back().repeat_of = 0; }},
      {"a repeat of no random trial",
       [](Plan& plan) { plan.trials.back().repeat_of = static_cast<int32_t>(plan.trials.size()); }},
      {"a repeat of no random trial", [](Plan& plan) { plan.trials[1].repeat_of = 0; }},
      {"another text", [&](Plan& plan) { run(plan).text = 1; }},
      {"another text", [&](Plan& plan) { other(plan).text = 7; }},
      {"positions that the model", [&](Plan& plan) { other(plan).steps = INT32_MAX; }},
      {"positions that the model", [&](Plan& plan) { other(plan).prompt_length = 0; }},
      {"positions that the model", [&](Plan& plan) { other(plan).offset = -1; }},
      {"tokens beyond the end", [&](Plan& plan) { other(plan).offset = INT32_MAX; }},
      {"tokens beyond the end", [&](Plan& plan) { run(plan).offset = 1; }},
      {"an arrival after", [&](Plan& plan) { run(plan).arrival = INT32_MAX; }},
      {"another length; expected the whole", [&](Plan& plan) { run(plan).steps -= 1; }},
      {"planned twice", [&](Plan& plan) { run(plan).index += 1; }},
      {"planned twice or not of the N", [&](Plan& plan) { run(plan).index = -1; }},
      {"a run among the N in a solo", [](Plan& plan) { plan.trials[0].sequences[0].index = 0; }},
      {"a run among the N in a solo or repeat",
       [](Plan& plan) {
         for (PlannedSequence& sequence : plan.trials.back().sequences) sequence.index = 1;
       }},
      {"a probe that the plan", [&](Plan& plan) { probe(plan).index = 10; }},
      {"another length than its probe's", [&](Plan& plan) { probe(plan).steps += 1; }},
      {"an empty chunk",
       [&](Plan& plan) {
         run(plan).chunks = {40, 0};
       }},
      {"chunks that are not its prompt",
       [&](Plan& plan) {
         run(plan).chunks = {39, 2};
       }},
      {"a preemption out of order",
       [&](Plan& plan) {
         run(plan).preemptions = {{5, 0}, {5, 0}};
       }},
      {"a preemption out of order",
       [&](Plan& plan) {
         run(plan).preemptions = {{100, 0}};
       }},
      {"a preemption out of order or out of range",
       [&](Plan& plan) {
         run(plan).preemptions = {{5, INT32_MAX}};
       }},
      {"a turn of no trial", [](Plan& plan) { plan.order[4].trial = -1; }},
      {"a turn of no arm", [](Plan& plan) { plan.order[4].arm = 2; }},
      {"expected every trial in every arm once", [](Plan& plan) { plan.order[4] = plan.order[5]; }},
      {"expected every trial in every arm once", [](Plan& plan) { plan.order.pop_back(); }},
  };
  for (const auto& [message, damage] : cases) {
    Plan plan = make_plan(spec_of(100));
    damage(plan);
    try {
      check_plan(plan);
      ADD_FAILURE() << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::bad_input) << message;
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  }
}

TEST(PlanCheck, ARunWithoutAPlaceIsMissed) {
  Plan plan = make_plan(spec_of(100));
  plan.spec.runs = 101;
  EXPECT_THROW(check_plan(plan), Error);
}

}  // namespace
}  // namespace ra
