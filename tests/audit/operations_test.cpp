#include <gtest/gtest.h>

#include <algorithm>

#include "core/audit/analysis.h"
#include "tests/support/audit_builder.h"

namespace ra {
namespace {

OperationFinding operation(const Finding& finding, const std::string& role) {
  const auto at = std::find_if(finding.operations.begin(), finding.operations.end(),
                               [&](const OperationFinding& operation) { return operation.role == role; });
  return at == finding.operations.end() ? OperationFinding{} : *at;
}

AuditBuilder audit_with_batches() {
  AuditBuilder builder({"standard", "invariant"}, {10, 11, 12});
  builder.trial(TrialKind::edge, 2, 0);
  return builder;
}

TEST(Operations, TwoSumOrdersWithDifferentOutputsChallenge) {
  AuditBuilder builder = audit_with_batches();
  builder.vary_sum_order(0, "qkv", true);
  builder.vary_sum_order(0, "o", false);
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(operation(finding, "qkv").state, OperationState::challenged);
  EXPECT_EQ(operation(finding, "qkv").sum_orders, 4) << "launches of 1, 2, 3 and 6 rows";
  EXPECT_EQ(operation(finding, "o").state, OperationState::exercised) << "orders differ, outputs do not";
  EXPECT_EQ(operation(finding, "lm_head").state, OperationState::exercised);
}

TEST(Operations, SumOrdersThatCertificationDidNotCompareDoNotChallenge) {
  AuditBuilder builder = audit_with_batches();
  builder.vary_sum_order(0, "qkv", true);
  builder.finish();
  builder.audit.arms[0].facts.anchor_outputs.clear();
  const OperationFinding qkv = operation(analyze(builder.audit), "qkv");
  EXPECT_EQ(qkv.state, OperationState::exercised);
  EXPECT_EQ(qkv.detail, "4 row counts, 4 sum orders, outputs not compared");
}

TEST(Operations, SumOrdersOfTheTreatmentDoNotChallenge) {
  AuditBuilder builder = audit_with_batches();
  builder.vary_sum_order(1, "qkv", true);
  builder.finish();
  EXPECT_EQ(operation(analyze(builder.audit), "qkv").state, OperationState::exercised);
}

TEST(Operations, StepsWithCompanionsOnlyDoNotCount) {
  AuditBuilder builder({"standard"}, {10, 11});
  const int32_t trial = builder.trial(TrialKind::edge, 0, 3);
  builder.vary_sum_order(0, "qkv", true);
  builder.finish();
  ASSERT_EQ(builder.audit.attempts.back().trial, trial);
  EXPECT_EQ(operation(analyze(builder.audit), "qkv").sum_orders, 2) << "solo's prefill and its one-row steps";
}

TEST(Operations, AttentionMergeNeedsAContextBeyondOneSegment) {
  AuditBuilder builder = audit_with_batches();
  builder.vary_sum_order(0, "attention", true);
  builder.finish();
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(operation(finding, "attention").state, OperationState::challenged);
  EXPECT_EQ(operation(finding, "attention merge").state, OperationState::not_exercised);
  EXPECT_EQ(finding.weakest_operation, "attention merge: longest context 5 < 256");
}

TEST(Operations, AProbeBeyondOneSegmentExercisesTheMerge) {
  AuditBuilder builder({"standard", "invariant"}, {10, 11, 12});
  const int32_t probe = builder.probe(256, 3);
  builder.trial(TrialKind::random, 2, 0, {probe});
  builder.vary_sum_order(0, "attention", true);
  builder.finish();
  const OperationFinding merge = operation(analyze(builder.audit), "attention merge");
  EXPECT_EQ(merge.state, OperationState::challenged);
  // Contexts 257 and 258: alone in launches of 1 row, in the trial in launches of 3. A prefill of 256 is one segment.
  EXPECT_EQ(merge.sum_orders, 2);
}

TEST(Operations, TheWeakestOfManyChallengedOnesHasTheFewestSumOrders) {
  AuditBuilder builder({"standard", "invariant"}, {10, 11, 12});
  builder.trial(TrialKind::random, 2, 0, {builder.probe(256, 3)});
  for (const char* role : {"qkv", "o", "lm_head", "attention"}) builder.vary_sum_order(0, role, true);
  builder.finish();
  EXPECT_EQ(analyze(builder.audit).weakest_operation,
            "attention merge: 2 sum orders, 2 outputs from one input");
}

TEST(Operations, WhatAddsNothingIsNeverTheWeakest) {
  AuditBuilder builder = audit_with_batches();
  builder.finish();
  for (ChoiceSetRecord& set : builder.audit.choice_sets) {
    set.insert(set.begin(), {.role = "embed", .choice = "rowwise", .sum_order = "no sum"});
  }
  const Finding finding = analyze(builder.audit);
  EXPECT_EQ(operation(finding, "embed").state, OperationState::exercised);
  EXPECT_EQ(operation(finding, "embed").sum_orders, 0);
  EXPECT_EQ(finding.weakest_operation.find("embed"), std::string::npos);
}

}  // namespace
}  // namespace ra
