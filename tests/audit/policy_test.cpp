#include "core/audit/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/audit_builder.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<int32_t> kSolo = {10, 11, 12, 13};

// Both arms equal solo everywhere but where a test says otherwise: an edge of 2, two random trials, 5 runs.
AuditBuilder audit_of(const std::vector<std::string>& kernel_sets) {
  AuditBuilder builder(kernel_sets, kSolo);
  builder.trial(TrialKind::edge, 1, 1);
  builder.trial(TrialKind::random, 2, 0);
  builder.trial(TrialKind::random, 2, 1);
  return builder;
}

PlantedStream run(std::vector<int32_t> tokens, int32_t salted_from = 1 << 30) {
  return {.tokens = std::move(tokens), .salted_from = salted_from};
}

Finding judged(AuditBuilder& builder, const std::vector<std::pair<std::string, std::string>>& rules) {
  Policy policy;
  policy.name = "test";
  for (const auto& [key, value] : rules) set_rule(policy, key, value);
  builder.audit.subject.settings.merge(policy_settings(policy));
  return analyze(builder.audit);
}

RuleState state_of(const Finding& finding, const std::string& rule, int32_t arm) {
  for (const RuleOutcome& outcome : finding.rules) {
    if (outcome.rule == rule && outcome.arm == arm) return outcome.state;
  }
  ADD_FAILURE() << "no outcome of " << rule;
  return RuleState::pending;
}

TEST(Policy, EachRuleIsMetUpToItsLimitAndUnmetBeyond) {
  // invariant: one of two random trials differs in tokens, in one run of five; standard: in logits only.
  const auto finding_of = [](const char* key, const char* value) {
    AuditBuilder builder = audit_of({"standard", "invariant"});
    builder.done(0, 2, {run(kSolo, 2)}, 0.5);
    builder.done(1, 3, {run({10, 11, 50, 51})}, 1.0);
    builder.finish();
    return judged(builder, {{key, value}});
  };
  struct Case {
    const char *key, *met, *unmet;
    int32_t arm;
  };
  for (const Case& at : std::initializer_list<Case>{
           {"require_challenge", "logits", "tokens", -1},
           {"min_runs", "5", "6", 0},
           {"min_trials", "2", "3", 1},
           {"min_batch_sizes", "3", "4", 1},
           {"treatments.verdict", "any", "tokens-identical", 1},
           {"treatments.max_distinct", "2", "1", 1},
           {"treatments.max_differing", "1", "0", 1},
           {"treatments.max_rate", "0.98", "0.97", 1},  // 1 of 2: the bound is sqrt(0.95) = 0.9747
           {"arms.standard.verdict", "tokens-identical", "identical", 0},
           {"arms.invariant.max_distinct", "2", "1", 1},
       }) {
    const std::string rule = std::string(at.key).substr(std::string(at.key).rfind('.') + 1);
    const Finding met = finding_of(at.key, at.met);
    EXPECT_EQ(met.exit_status, 0) << at.key << " " << met.reason;
    EXPECT_THAT(met.reason, IsEmpty());
    if (std::string(at.met) != "any") {
      EXPECT_EQ(state_of(met, rule, at.arm), RuleState::met) << at.key;
    }
    const Finding unmet = finding_of(at.key, at.unmet);
    EXPECT_EQ(unmet.exit_status, 1) << at.key;
    EXPECT_EQ(state_of(unmet, rule, at.arm), RuleState::unmet) << at.key;
    EXPECT_THAT(unmet.reason, HasSubstr("policy test: ")) << at.key;
  }
}

TEST(Policy, ReasonsSayTheRuleWhatWasFoundAndWhatWasExpected) {
  AuditBuilder builder = audit_of({"standard", "invariant"});
  builder.done(1, 3, {run({10, 11, 50, 51})});
  builder.finish();
  EXPECT_EQ(judged(builder, {{"treatments.verdict", "promised"}, {"require_challenge", "logits"}}).reason,
            "policy test: the control did not fire: challenge none; expected logits; "
            "policy test: invariant: verdict is diverged; expected identical");
}

TEST(Policy, SlowdownIsTheMedianOverBatchSizesAndNeedsAControl) {
  AuditBuilder builder = audit_of({"standard", "invariant"});
  for (int32_t trial = 0; trial < 4; ++trial) {
    builder.done(0, trial, {}, 1.0);
    builder.done(1, trial, {}, trial == 1 ? 9.0 : 1.5);
  }
  builder.finish();
  const Finding finding = judged(builder, {{"treatments.max_slowdown", "1.5"}});
  EXPECT_NEAR(slowdown(finding, finding.arms[1]).value(), 1.5, 1e-9);
  EXPECT_FALSE(slowdown(finding, finding.arms[0]));
  EXPECT_EQ(finding.exit_status, 0);
  AuditBuilder alone = audit_of({"invariant"});
  alone.finish();
  const Finding without = judged(alone, {{"treatments.max_slowdown", "1.5"}});
  EXPECT_EQ(without.exit_status, 1);
  EXPECT_THAT(without.reason, HasSubstr("no control to compare with"));
}

TEST(Policy, WhatMissingTrialsMayDecideIsPendingAndWhatTheyCannotIsUnmet) {
  AuditBuilder builder = audit_of({"standard", "invariant"});
  for (int32_t trial = 0; trial < 3; ++trial) builder.done(0, trial), builder.done(1, trial);
  const Finding open = judged(builder, {{"min_runs", "5"}, {"treatments.verdict", "identical"}});
  EXPECT_EQ(state_of(open, "min_runs", 1), RuleState::pending);
  EXPECT_EQ(state_of(open, "verdict", 1), RuleState::pending);
  EXPECT_EQ(open.exit_status, 5);
  EXPECT_THAT(open.reason, HasSubstr("resume to finish"));
  builder.done(1, 3, {run({10, 11, 50, 51})});
  const Finding decided = analyze(builder.audit);
  EXPECT_EQ(state_of(decided, "verdict", 1), RuleState::unmet);
  EXPECT_EQ(decided.exit_status, 1);
}

TEST(Policy, ArmsThatWereNotRunAreMissed) {
  AuditBuilder builder = audit_of({"standard", "invariant"});
  builder.finish();
  const Finding finding = judged(builder, {{"arms.portable.verdict", "identical"}});
  EXPECT_EQ(finding.exit_status, 1);
  EXPECT_THAT(finding.reason, HasSubstr("arms.portable is none; expected an arm of this name"));
}

TEST(Policy, NightlyAndEvidenceNeedAControlThatFired) {
  for (const std::string& name : built_in_policies()) {
    AuditBuilder builder = audit_of({"standard", "invariant"});
    builder.finish();
    builder.audit.subject.settings.merge(policy_settings(*built_in_policy(name)));
    const Finding finding = analyze(builder.audit);
    EXPECT_EQ(finding.policy, name);
    EXPECT_EQ(finding.exit_status, name == "default" ? 0 : 1) << name;
    if (name != "default") {
      EXPECT_THAT(finding.reason, HasSubstr("the control did not fire"));
    }
  }
  EXPECT_FALSE(built_in_policy("nigthly"));
}

TEST(Policy, SettingsGiveThePolicyBack) {
  Policy policy;
  policy.name = "x";
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"require_challenge", "tokens"},
                                                        {"min_runs", "3"},
                                                        {"min_trials", "4"},
                                                        {"min_batch_sizes", "5"},
                                                        {"treatments.verdict", "promised"},
                                                        {"treatments.max_distinct", "6"},
                                                        {"treatments.max_differing", "0"},
                                                        {"treatments.max_rate", "0.015625"},
                                                        {"arms.a.b.max_slowdown", "1.25"}}) {
    set_rule(policy, key, value);
    EXPECT_EQ(policy_settings(policy).at("policy." + key), value);
  }
  EXPECT_EQ(policy_settings(policy_of(policy_settings(policy))), policy_settings(policy));
  EXPECT_EQ(policy_of({}).name, "default");
}

TEST(Policy, RefusesRulesAndValuesThatAreNotThere) {
  const std::pair<const char*, const char*> cases[] = {
      {"min_run", "1"},
      {"treatments.min_runs", "1"},
      {"arms.max_rate", "0.5"},
      {"", ""},
      {"min_runs", "0"},
      {"min_runs", "-1"},
      {"min_runs", "1.5"},
      {"min_runs", "9999999999"},
      {"require_challenge", "yes"},
      {"treatments.verdict", "Identical"},
      {"treatments.max_rate", "nan"},
      {"treatments.max_rate", "inf"},
      {"treatments.max_rate", "-0.1"},
      {"treatments.max_rate", "0"},
      {"treatments.max_rate", "1%"},
      {"treatments.max_rate", "1.01"},
      {"treatments.max_slowdown", "0"},
      {"treatments.max_distinct", "0"},
  };
  for (const auto& [key, value] : cases) {
    Policy policy;
    EXPECT_THAT(refusal(Exit::usage, [&, key = key, value = value] { set_rule(policy, key, value); }),
                HasSubstr("; expected "))
        << key << " = " << value;
  }
  EXPECT_THAT(refusal(Exit::bad_input,
                      [] {
                        policy_of({{"policy", "x"}, {"policy.min_runs", "many"}});
                      }),
              HasSubstr("the audit's policy: min_runs"));
}

}  // namespace
}  // namespace ra
