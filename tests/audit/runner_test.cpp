#include "core/audit/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::HasSubstr;

Audit stored_of(ScriptedAudit& scripted, const std::string& path) {
  Store store = Store::open_writer(path);
  store.create(scripted.audit);
  EXPECT_EQ(run_audit(scripted.audit, scripted.arms(), store, scripted_options()), RunEnd::complete);
  return store.load(scripted.audit.id);
}

TEST(Runner, RunsEveryTurnOnceInTheOrderOfThePlan) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  const Audit audit = stored_of(scripted, folder / "audits.db");
  ASSERT_EQ(audit.attempts.size(), audit.plan.order.size());
  for (size_t i = 0; i < audit.attempts.size(); ++i) {
    EXPECT_EQ(audit.attempts[i].trial, audit.plan.order[i].trial);
    EXPECT_EQ(audit.attempts[i].arm, audit.plan.order[i].arm);
    EXPECT_EQ(audit.attempts[i].outcome, Outcome::done);
  }
  EXPECT_EQ(audit.segments.size(), 1u);
}

TEST(Runner, RunsOneUnrecordedTrialInEachArmFirst) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  const Audit audit = stored_of(scripted, folder / "audits.db");
  for (const auto& subject : scripted.subjects) {
    EXPECT_EQ(subject->calls(), static_cast<int64_t>(audit.plan.trials.size()) + 1);
  }
}

TEST(Runner, AcknowledgesATrialOnlyAfterItsCommit) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  RunnerOptions options = scripted_options();
  int64_t events = 0;
  options.on_progress = [&](const ProgressEvent& event) {
    const Store reader = Store::open_reader(folder / "audits.db");
    EXPECT_EQ(event.turns_done, ++events);
    EXPECT_EQ(reader.list().front().turns_done, events);
    EXPECT_EQ(event.trial->id, event.turn.trial);
  };
  run_audit(scripted.audit, scripted.arms(), store, options);
  EXPECT_EQ(events, static_cast<int64_t>(scripted.audit.plan.order.size()));
}

TEST(Runner, PlannedIsDoneAndFailedAndPendingAtEveryMoment) {
  const TemporaryFolder folder;
  Script failing;
  failing.failing_trials = {6, 9};
  ScriptedAudit scripted = scripted_audit(scripted_spec(), failing);
  const Audit audit = stored_of(scripted, folder / "audits.db");
  int64_t failed = 0;
  for (const Attempt& attempt : audit.attempts) {
    if (attempt.outcome == Outcome::done) continue;
    ++failed;
    EXPECT_EQ(attempt.arm, 0);
    EXPECT_EQ(attempt.failure, "scripted failure");
    EXPECT_TRUE(attempt.launches.empty());
  }
  EXPECT_EQ(failed, 2);
  EXPECT_EQ(audit.attempts.size(), audit.plan.order.size());
  for (const SequenceFact& fact : audit.sequences)
    EXPECT_FALSE(fact.arm == 0 && failing.failing_trials.contains(fact.trial));
}

TEST(Runner, AFailedTrialIsAnOutcomeAndIsNotTriedAgain) {
  const TemporaryFolder folder;
  Script failing;
  failing.failing_trials = {6};
  ScriptedAudit scripted = scripted_audit(scripted_spec(), failing);
  const Audit audit = stored_of(scripted, folder / "audits.db");
  Store store = Store::open_writer(folder / "audits.db");
  ScriptedAudit again = scripted_audit(scripted_spec(), {});
  EXPECT_EQ(run_audit(audit, again.arms(), store, scripted_options()), RunEnd::complete);
  EXPECT_EQ(again.subjects[0]->calls(), 0);
}

TEST(Runner, StopsAfterTheRunningTrialAndGoesOnWhereItStopped) {
  const TemporaryFolder folder;
  ScriptedAudit whole = scripted_audit(scripted_spec(), {});
  whole.audit.id = "same";
  const Audit expected = stored_of(whole, folder / "whole.db");

  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  scripted.audit.id = "same";
  std::atomic<bool> stop{false};
  RunnerOptions options = scripted_options();
  options.stop_after_trial = &stop;
  options.on_progress = [&](const ProgressEvent& event) { stop = event.turns_done % 7 == 0; };
  {
    Store store = Store::open_writer(folder / "parts.db");
    store.create(scripted.audit);
    EXPECT_EQ(run_audit(scripted.audit, scripted.arms(), store, options), RunEnd::stopped);
  }
  RunEnd end = RunEnd::stopped;
  while (end != RunEnd::complete) {
    Store store = Store::open_writer(folder / "parts.db");
    const Audit stored = store.load("same");
    ScriptedAudit resumed = scripted_audit(stored.plan.spec, {});
    stop = false;
    store.add_segment("same", "repro-audit test");
    end = run_audit(stored, resumed.arms(), store, options);
  }
  const Audit found = Store::open_reader(folder / "parts.db").load("same");
  EXPECT_EQ(difference(found, expected), "");
  EXPECT_GT(found.segments.size(), 4u);
}

TEST(Runner, GivesUpTheRunningTrialWhenToldToStopNow) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  std::atomic<bool> stop{false};
  RunnerOptions options = scripted_options();
  options.stop_now = &stop;
  scripted.subjects[1]->before_trial = [&](int64_t calls) { stop = calls == 5; };
  EXPECT_EQ(run_audit(scripted.audit, scripted.arms(), store, options), RunEnd::stopped);
  for (const Attempt& attempt : store.load(scripted.audit.id).attempts)
    EXPECT_EQ(attempt.outcome, Outcome::done);
}

TEST(Runner, BeginsNoTrialAfterItsTimeIsOver) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  RunnerOptions options = scripted_options();
  options.max_seconds = 1e-9;
  EXPECT_EQ(run_audit(scripted.audit, scripted.arms(), store, options), RunEnd::out_of_time);
  EXPECT_TRUE(store.load(scripted.audit.id).attempts.empty());
}

TEST(Runner, RowsUnlikeThePlanAreABug) {
  const TemporaryFolder folder;
  Script wrong;
  wrong.wrong_rows = {{3, 2}};
  ScriptedAudit scripted = scripted_audit(scripted_spec(), wrong);
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  try {
    run_audit(scripted.audit, scripted.arms(), store, scripted_options());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bug);
    EXPECT_THAT(error.what(), HasSubstr("trial 3 of arm standard, step 2: launched with 2 rows"));
  }
  for (const Attempt& attempt : store.load(scripted.audit.id).attempts) {
    EXPECT_FALSE(attempt.arm == 0 && attempt.trial == 3) << "what contradicts the plan is not stored";
  }
}

TEST(Runner, AnArmAloneGivesTheSameStreamsAsInterleaved) {
  const TemporaryFolder folder;
  ScriptedAudit both = scripted_audit(scripted_spec(), {});
  const Audit interleaved = stored_of(both, folder / "both.db");
  PlanSpec spec = scripted_spec();
  spec.arms = {"standard"};
  ScriptedAudit one = scripted_audit(spec, {});
  const Audit alone = stored_of(one, folder / "one.db");
  ASSERT_EQ(alone.plan.trials.size(), interleaved.plan.trials.size());
  std::map<std::pair<int32_t, int32_t>, Hash128> digests;
  for (const SequenceFact& fact : alone.sequences) {
    digests[{fact.trial, fact.sequence}] = alone.streams[static_cast<size_t>(fact.stream)].digest;
  }
  for (const SequenceFact& fact : interleaved.sequences) {
    if (fact.arm != 0) continue;
    EXPECT_EQ(digests.at({fact.trial, fact.sequence}),
              interleaved.streams[static_cast<size_t>(fact.stream)].digest);
  }
}

TEST(Runner, StoresThePiecesOfEveryTokenThatAReportShows) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  const Audit audit = stored_of(scripted, folder / "audits.db");
  std::set<int32_t> shown(audit.plan.spec.prompt.begin(), audit.plan.spec.prompt.end());
  for (const Stream& stream : audit.streams) {
    shown.insert(stream.tokens.begin(), stream.tokens.end());
    for (const StepRecord& step : stream.steps) shown.insert({step.top[0], step.top[1]});
  }
  ASSERT_EQ(audit.pieces.size(), shown.size());
  for (int32_t token : shown) EXPECT_EQ(audit.pieces.at(token), scripted_piece(token));
}

TEST(Resume, GoesOnWithTheSame) {
  const ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  EXPECT_NO_THROW(check_resumable(scripted.audit, scripted.audit.subject.model_sha256, scripted.audit.arms,
                                  scripted.audit.tool));
}

TEST(Resume, IsRefusedWithTheNameOfWhatDiffers) {
  const ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  const auto refusal = [&](const auto& change) -> std::string {
    std::string model = scripted.audit.subject.model_sha256;
    std::vector<Arm> arms = scripted.audit.arms;
    std::string tool = scripted.audit.tool;
    change(model, arms, tool);
    try {
      check_resumable(scripted.audit, model, arms, tool);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::not_comparable);
      return error.what();
    }
    return "not refused";
  };
  EXPECT_THAT(refusal([](auto& model, auto&, auto&) { model[0] = 'c'; }),
              HasSubstr("model's SHA-256 was aaa"));
  EXPECT_THAT(refusal([](auto&, auto&, auto& tool) { tool = "other"; }),
              HasSubstr("tool was repro-audit test, is other"));
  EXPECT_THAT(refusal([](auto&, auto& arms, auto&) { arms[1].facts.environment["CPU"] = "x"; }),
              HasSubstr("arm invariant's CPU was absent, is x"));
  EXPECT_THAT(refusal([](auto&, auto& arms, auto&) { arms[0].facts.sum_order_class = "opaque"; }),
              HasSubstr("arm standard's sum-order class was script/1, is opaque"));
  EXPECT_THAT(refusal([](auto&, auto& arms, auto&) { arms.pop_back(); }),
              HasSubstr("number of arms was 2, is 1"));
  EXPECT_THAT(
      refusal([](auto&, auto& arms, auto&) { arms[0].facts.anchor_outputs["lm_head"]["scripted"] = "01"; }),
      HasSubstr("certified lm_head scripted was 00, is 01"));
}

}  // namespace
}  // namespace ra
