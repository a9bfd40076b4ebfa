#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ra {
namespace {

using ::testing::HasSubstr;

PlannedSequence run(int32_t index, int32_t steps) {
  return {.kind = SequenceKind::run, .index = index, .prompt_length = 1, .steps = steps};
}

// Two arms; a solo and two trials with one and two runs, of two tokens each.
Audit small_audit() {
  Audit audit;
  audit.arms = {{.id = 0, .name = "standard"}, {.id = 1, .name = "invariant"}};
  audit.plan.spec.runs = 3;
  audit.plan.trials = {
      {.id = 0, .kind = TrialKind::solo, .batch_size = 1, .sequences = {run(-1, 2)}},
      {.id = 1, .kind = TrialKind::random, .batch_size = 1, .sequences = {run(0, 2)}},
      {.id = 2, .kind = TrialKind::random, .batch_size = 2, .sequences = {run(1, 2), run(2, 2)}},
  };
  audit.plan.order = {{0, 0}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {2, 1}};
  return audit;
}

SequenceResult result(int32_t index, std::vector<int32_t> tokens) {
  return {.kind = SequenceKind::run, .index = index, .tokens = std::move(tokens)};
}

TEST(Progress, CountsRunsOfTheNAndDistinctStreamsInEachArm) {
  const Audit audit = small_audit();
  Progress progress(audit, ProgressStyle::off, 80);
  const TrialResult solo{.sequences = {result(-1, {5, 6})}, .seconds = 1};
  const TrialResult two{.sequences = {result(1, {5, 6}), result(2, {5, 7})}, .seconds = 1};
  progress.acknowledge({.turn = {0, 0}, .trial = &audit.plan.trials[0], .result = &solo, .turns_done = 1});
  EXPECT_THAT(progress.line(1), HasSubstr("runs: standard 0/3, invariant 0/3 |")) << "solo is outside the N";
  progress.acknowledge({.turn = {2, 0}, .trial = &audit.plan.trials[2], .result = &two, .turns_done = 2});
  EXPECT_THAT(progress.line(1), HasSubstr("runs: standard 2/3, invariant 0/3 | batch 2 | 3 tokens/s"));
  EXPECT_THAT(progress.line(1), HasSubstr("distinct streams 2/0"));
}

TEST(Progress, TimeLeftFollowsFromTheRowsAndStepsLeft) {
  const Audit audit = small_audit();
  Progress progress(audit, ProgressStyle::off, 80);
  EXPECT_EQ(progress.line(0).find("left"), std::string::npos) << "nothing to judge by yet";
  const TrialResult solo{.sequences = {result(-1, {5, 6})}, .seconds = 1};
  // Two steps of one row cost 12 of the plan's 2 * (12 + 12 + 14).
  progress.acknowledge({.turn = {0, 0}, .trial = &audit.plan.trials[0], .result = &solo, .turns_done = 1});
  EXPECT_THAT(progress.line(12), HasSubstr("| 1 min 04 s left"));
}

TEST(Progress, WhatEarlierSegmentsDidCounts) {
  Audit audit = small_audit();
  audit.streams = {{.tokens = {5, 6}, .token_hash = {1, 1}}};
  audit.attempts = {{.arm = 1, .trial = 1}};
  audit.sequences = {{.arm = 1, .trial = 1, .sequence = 0, .stream = 0}};
  const Progress progress(audit, ProgressStyle::off, 80);
  EXPECT_THAT(progress.line(0), HasSubstr("runs: standard 0/3, invariant 1/3"));
  EXPECT_THAT(progress.line(0), HasSubstr("distinct streams 0/1"));
}

}  // namespace
}  // namespace ra
