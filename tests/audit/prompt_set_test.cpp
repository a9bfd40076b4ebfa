#include "core/audit/prompt_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/audit/policy.h"
#include "core/audit/statistics.h"
#include "tests/support/audit_builder.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

const std::vector<int32_t> kSolo = {10, 11, 12, 13};

// How `standard` answers a prompt in its only random trial of two runs; `invariant` never differs.
enum class Answer : uint8_t { same, other_logits, other_tokens, other_tokens_later, missing };

Audit prompt_audit(int64_t place, int64_t count, Answer answer, const std::string& policy = "default") {
  AuditBuilder builder({"standard", "invariant"}, kSolo);
  const int32_t random = builder.trial(TrialKind::random, 2, 0);
  if (answer == Answer::other_logits) builder.done(0, random, {{.tokens = kSolo, .salted_from = 1}});
  if (answer == Answer::other_tokens)
    builder.done(0, random, {{.tokens = {10, 20, 12, 13}, .salted_from = 1}});
  if (answer == Answer::other_tokens_later)
    builder.done(0, random, {{.tokens = {10, 11, 12, 20}, .salted_from = 3}});
  if (answer == Answer::missing) {
    builder.done(0, 0);
    builder.done(1, 0);
  } else {
    builder.finish();
  }
  builder.audit.id = "audit-" + std::to_string(place);
  builder.audit.subject.settings.merge(policy_settings(*built_in_policy(policy)));
  record({.set = "set-1",
          .place = place,
          .count = count,
          .name = "p" + std::to_string(place),
          .sha256 = "ab",
          .seed = 1},
         builder.audit.subject.settings);
  return builder.audit;
}

PromptSet set_of(const std::vector<Answer>& answers, const std::string& policy = "default") {
  PromptSet set;
  for (size_t i = 0; i < answers.size(); ++i) {
    const Audit audit =
        prompt_audit(static_cast<int64_t>(i) + 1, static_cast<int64_t>(answers.size()), answers[i], policy);
    add_prompt(set, audit, analyze(audit));
  }
  conclude(set);
  return set;
}

TEST(PromptSet, CountsPromptsThatDifferAndBoundsTheirRate) {
  const PromptSet set = set_of({Answer::same, Answer::other_logits, Answer::other_tokens, Answer::same});
  const SetArm& standard = set.arms[0];
  EXPECT_EQ(standard.verdict, Verdict::diverged);
  EXPECT_EQ(standard.digests.differing, 2);
  EXPECT_EQ(standard.digests.prompts, 4);
  EXPECT_EQ(standard.digests.upper95, upper95(2, 4));
  EXPECT_EQ(standard.tokens.differing, 1);
  EXPECT_EQ(standard.tokens.upper95, upper95(1, 4));
  const SetArm& invariant = set.arms[1];
  EXPECT_EQ(invariant.verdict, Verdict::identical);
  EXPECT_EQ(invariant.digests.differing, 0);
  EXPECT_NEAR(invariant.digests.upper95, 1 - std::pow(0.05, 0.25), 1e-12);
  EXPECT_FALSE(invariant.worst);
  EXPECT_THAT(set.verdict.front(),
              HasSubstr("invariant gave one answer to each of 4 prompts, bit for bit; standard "
                        "did not keep its answer to 1 of 4 prompts."));
  EXPECT_THAT(set.verdict[3], HasSubstr("drawn at random from what one cares about"));
}

TEST(PromptSet, TheWorstPromptHasTheMostRunsUnlikeSoloThenTheEarliestDivergence) {
  EXPECT_EQ(set_of({Answer::other_logits, Answer::other_tokens_later, Answer::other_tokens}).arms[0].worst,
            2u);
  EXPECT_EQ(set_of({Answer::same, Answer::other_logits, Answer::other_logits}).arms[0].worst, 1u);
}

TEST(PromptSet, SaysOnHowManyPromptsTheControlFired) {
  const PromptSet set = set_of({Answer::same, Answer::other_logits, Answer::other_tokens});
  EXPECT_THAT(set.verdict[4],
              HasSubstr("in tokens on 1 of 3 prompts, in logits only on 1, and not on 1: where standard"));
}

TEST(PromptSet, AnUnmetRuleGoesBeforeWhatIsIncomplete) {
  EXPECT_EQ(set_of({Answer::other_tokens, Answer::other_logits}, "nightly").exit_status, 0);
  const PromptSet unmet =
      set_of({Answer::missing, Answer::same, Answer::other_tokens, Answer::same}, "nightly");
  EXPECT_EQ(unmet.exit_status, 1);
  EXPECT_EQ(unmet.reason,
            "2 of 4 prompts do not meet the policy; prompt \"p2\": policy nightly: the control did not fire: "
            "challenge none; expected logits");
  const PromptSet incomplete = set_of({Answer::other_tokens, Answer::missing}, "nightly");
  EXPECT_EQ(incomplete.exit_status, 5);
  EXPECT_TRUE(incomplete.incomplete);
  EXPECT_THAT(incomplete.reason, HasSubstr("1 of 2 prompts are incomplete; prompt \"p2\": "));
}

TEST(PromptSet, APromptThatIsNotCompleteIsCountedOnlyWhereItDiffersAlready) {
  const PromptSet set = set_of({Answer::missing, Answer::same});
  EXPECT_EQ(set.arms[0].verdict, Verdict::incomplete);
  EXPECT_EQ(set.arms[0].complete, 1);
  EXPECT_EQ(set.arms[0].digests.prompts, 1);

  AuditBuilder builder({"standard", "invariant"}, kSolo);
  const int32_t random = builder.trial(TrialKind::random, 1, 0);
  builder.trial(TrialKind::random, 1, 1);
  builder.done(0, 0);
  builder.done(0, random, {{.tokens = {10, 20, 12, 13}, .salted_from = 1}});
  record({.set = "s", .place = 1, .count = 1, .name = "p", .sha256 = "", .seed = 0},
         builder.audit.subject.settings);
  PromptSet one;
  add_prompt(one, builder.audit, analyze(builder.audit));
  conclude(one);
  EXPECT_EQ(one.arms[0].verdict, Verdict::diverged);
  EXPECT_EQ(one.arms[0].digests.prompts, 1);
  EXPECT_EQ(one.arms[1].digests.prompts, 0);
  EXPECT_THAT(one.verdict[1], HasSubstr("invariant: no prompt was compared."));
}

TEST(PromptSet, AuditsThatAreNotOneSetsAreRefused) {
  PromptSet set;
  const auto add = [&](const Audit& audit) {
    return refusal(Exit::bad_input, [&] { add_prompt(set, audit, analyze(audit)); });
  };
  Audit alone = prompt_audit(1, 2, Answer::same);
  alone.subject.settings.erase(kSetSetting);
  EXPECT_THAT(add(alone), HasSubstr("of no list of prompts"));
  EXPECT_EQ(add(prompt_audit(1, 2, Answer::same)), "accepted");
  EXPECT_THAT(add(prompt_audit(1, 2, Answer::same)), HasSubstr("expected that of prompt 2 of set-1"));
  Audit other = prompt_audit(2, 2, Answer::same);
  other.subject.model_sha256 = "another";
  EXPECT_THAT(add(other), HasSubstr("another model or control"));
  EXPECT_THAT(refusal(Exit::bad_input, [&] { conclude(set); }),
              HasSubstr("1 of 2 prompts; expected all of them"));
}

TEST(SetPlace, IsWhatWasRecorded) {
  std::map<std::string, std::string> settings = {{"seed", "1"}};
  EXPECT_FALSE(set_place(settings));
  const SetPlace place{
      .set = "set-x", .place = 2, .count = 3, .name = "a b", .sha256 = "00", .seed = UINT64_MAX};
  record(place, settings);
  EXPECT_EQ(set_place(settings), place);
  EXPECT_TRUE(is_set_fact("prompts.place"));
  EXPECT_FALSE(is_set_fact("prompt"));
}

TEST(SetPlace, WhatADatabaseHoldsIsNotBelieved) {
  std::map<std::string, std::string> settings;
  record({.set = "set-x", .place = 2, .count = 3, .name = "a", .sha256 = "00", .seed = 1}, settings);
  const std::pair<const char*, const char*> bad[] = {
      {"prompts.place", "4"},     {"prompts.place", "0"},
      {"prompts.count", "10001"}, {"prompts.count", "3x"},
      {"prompts.seed", "-1"},     {"prompts.set", "a b"},
      {"prompts.set", ""},        {"prompts.seed", "99999999999999999999"},
  };
  for (const auto& [name, value] : bad) {
    auto hostile = settings;
    hostile[name] = value;
    EXPECT_THAT(refusal(Exit::bad_input, [&] { set_place(hostile); }), HasSubstr(name)) << value;
  }
  settings.erase("prompts.name");
  EXPECT_THAT(refusal(Exit::bad_input, [&] { set_place(settings); }), HasSubstr("no setting prompts.name"));
}

// Reference values by Python: int.from_bytes(hashlib.sha256(b"repro-audit.prompt-seed.v1\0" + seed.to_bytes(8,
// "little") + name.encode()).digest()[:8], "little").
TEST(SetPlace, APromptsSeedDependsOnSeedAndNameAlone) {
  EXPECT_EQ(seed_of_prompt(1, "first"), 14571766182389420447u);
  EXPECT_EQ(seed_of_prompt(UINT64_MAX, "\xc3\xa9"), 13748383036109049598u);
}

}  // namespace
}  // namespace ra
