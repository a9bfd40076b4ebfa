#include <gtest/gtest.h>

#include "core/subject.h"

namespace ra {
namespace {

PlannedSequence sequence(int32_t prompt, int32_t steps, int32_t arrival) {
  return {.prompt_length = prompt, .steps = steps, .arrival = arrival};
}

int32_t rows_of(const ScheduledStep& step) {
  int32_t rows = 0;
  for (const ScheduledSlice& slice : step) rows += slice.rows;
  return rows;
}

TEST(Schedule, AWholePrefillEmitsTheFirstTokenAndEveryLaterStepIsOneRow) {
  const auto steps = schedule({.sequences = {sequence(5, 3, 0)}}, 2048);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0][0].rows, 5);
  EXPECT_TRUE(steps[0][0].emits);
  EXPECT_EQ(steps[1][0].position, 5);
  EXPECT_EQ(steps[2][0].position, 6);
  EXPECT_EQ(steps[2][0].rows, 1);
  EXPECT_FALSE(steps[1][0].releases);
  EXPECT_TRUE(steps[2][0].releases) << "a finished sequence gives its cache back";
}

TEST(Schedule, OnlyTheLastChunkOfAPrefillEmits) {
  PlannedSequence chunked = sequence(5, 2, 0);
  chunked.chunks = {2, 2, 1};
  const auto steps = schedule({.sequences = {chunked}}, 2048);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_FALSE(steps[0][0].emits);
  EXPECT_FALSE(steps[1][0].emits);
  EXPECT_TRUE(steps[2][0].emits);
  EXPECT_EQ(steps[2][0].position, 4);
}

TEST(Schedule, APreemptedSequenceRecomputesItsPromptAndWhatItEmitted) {
  PlannedSequence preempted = sequence(5, 4, 0);
  preempted.preemptions = {{.after = 2, .pause = 1}};
  const auto steps = schedule({.sequences = {preempted, sequence(1, 6, 0)}}, 2048);
  EXPECT_TRUE(steps[1][0].releases);
  ASSERT_EQ(steps[2].size(), 1u) << "the preempted sequence pauses";
  ASSERT_EQ(steps[3].size(), 2u);
  EXPECT_TRUE(steps[3][0].recomputes);
  EXPECT_EQ(steps[3][0].position, 0);
  EXPECT_EQ(steps[3][0].rows, 7);
  EXPECT_TRUE(steps[3][0].emits);
  EXPECT_EQ(steps[4][0].position, 7);
  EXPECT_EQ(steps.size(), 6u);
}

TEST(Schedule, AnArrivalThatDoesNotFitWaitsForTheNextStep) {
  const auto steps = schedule({.sequences = {sequence(6, 2, 0), sequence(6, 2, 0)}}, 8);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(rows_of(steps[0]), 6);
  EXPECT_EQ(rows_of(steps[1]), 7);
}

TEST(Schedule, StepsWithoutWorkAreNotLaunched) {
  const auto steps = schedule({.sequences = {sequence(1, 1, 0), sequence(1, 1, 50)}}, 8);
  EXPECT_EQ(steps.size(), 2u);
}

}  // namespace
}  // namespace ra
