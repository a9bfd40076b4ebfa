#include "core/audit/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A standard arm that parts, with kernel choices that follow the rows, stops and failures: everything there is to store.
Script eventful() {
  Script script;
  script.run_token = {{3, 4}, {5, 4}, {9, 7}};
  script.logits = {{{8, 0}, 2}};
  script.failing_trials = {5};
  script.stop_at = 9;
  script.choices = [](int32_t rows) {
    const std::string tile = rows < 4 ? "gemv" : "tile " + std::to_string(rows / 8);
    return ChoiceSetRecord{{"qkv", tile, tile}, {"lm_head", "one", "one"}};
  };
  return script;
}

Audit run_whole(const std::string& path, const Script& script, const std::string& id) {
  ScriptedAudit scripted = scripted_audit(scripted_spec(), script);
  scripted.audit.id = id;
  Store store = Store::open_writer(path);
  store.create(scripted.audit);
  run_audit(scripted.audit, scripted.arms(), store, scripted_options());
  return store.load(id);
}

TEST(Store, GivesBackWhatWasPutIn) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), eventful());
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  std::vector<TrialResult> results;
  RunnerOptions options = scripted_options();
  options.on_progress = [&](const ProgressEvent& event) { results.push_back(*event.result); };
  run_audit(scripted.audit, scripted.arms(), store, options);
  const Audit audit = store.load(scripted.audit.id);

  EXPECT_EQ(audit.created, scripted.audit.created);
  EXPECT_EQ(audit.plan.spec, scripted.audit.plan.spec);
  EXPECT_EQ(audit.subject.prompt_text, scripted.audit.subject.prompt_text);
  EXPECT_EQ(audit.subject.prompt_pieces, scripted.audit.subject.prompt_pieces);
  EXPECT_EQ(audit.arms[1].facts.environment, scripted.audit.arms[1].facts.environment);
  EXPECT_EQ(audit.arms[1].facts.anchor_outputs, scripted.audit.arms[1].facts.anchor_outputs);
  ASSERT_EQ(audit.attempts.size(), results.size());
  size_t next = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const Attempt& attempt = audit.attempts[i];
    EXPECT_EQ(attempt.outcome == Outcome::failed, results[i].failed);
    EXPECT_EQ(attempt.seconds, results[i].seconds);
    ASSERT_EQ(attempt.launches.size(), results[i].launches.size());
    for (size_t step = 0; step < attempt.launches.size(); ++step) {
      const LaunchRecord& launch = results[i].launches[step];
      EXPECT_EQ(attempt.launches[step].rows, launch.rows);
      EXPECT_EQ(audit.choice_sets.at(static_cast<size_t>(attempt.launches[step].choice_set)),
                results[i].choice_sets.at(static_cast<size_t>(launch.choice_set)));
    }
    for (const SequenceResult& sequence : results[i].sequences) {
      const SequenceFact& fact = audit.sequences.at(next++);
      const Stream& stream = audit.streams.at(static_cast<size_t>(fact.stream));
      EXPECT_EQ(fact.trial, attempt.trial);
      EXPECT_EQ(fact.arm, attempt.arm);
      EXPECT_EQ(stream.tokens, sequence.tokens);
      EXPECT_EQ(stream.steps, sequence.steps);
      EXPECT_EQ(stream.end, sequence.end);
      EXPECT_EQ(stream.token_hash, token_hash(sequence.tokens));
      EXPECT_EQ(stream.token_sha256, hex(token_sha256(sequence.tokens)));
    }
  }
  EXPECT_EQ(next, audit.sequences.size());
  EXPECT_THAT(store.verify(), IsEmpty());
}

TEST(Store, KeepsEqualStreamsAndChoicesOnce) {
  const TemporaryFolder folder;
  const Audit audit = run_whole(folder / "audits.db", eventful(), "one");
  std::set<std::string> streams;
  for (const Stream& stream : audit.streams) {
    std::string key = std::string(name_of(stream.end)) + hex(stream.token_hash) + hex(stream.digest);
    EXPECT_TRUE(streams.insert(key).second);
  }
  EXPECT_LT(audit.streams.size(), 20u);
  for (size_t i = 0; i < audit.choice_sets.size(); ++i) {
    for (size_t k = 0; k < i; ++k) EXPECT_NE(audit.choice_sets[i], audit.choice_sets[k]);
  }
}

TEST(Store, GivesTheSameAuditEveryTime) {
  const TemporaryFolder folder;
  const Audit first = run_whole(folder / "first.db", eventful(), "same");
  const Audit second = run_whole(folder / "second.db", eventful(), "same");
  EXPECT_EQ(difference(first, second), "");
  Script other = eventful();
  other.logits[{8, 0}] = 3;
  EXPECT_NE(difference(first, run_whole(folder / "other.db", other, "same")), "");
}

TEST(Store, HoldsManyAuditsAndFindsThemByTheBeginningOfTheirIds) {
  const TemporaryFolder folder;
  const std::string path = folder / "audits.db";
  for (const char* id : {"20260101-a", "20260101-b", "20250101-c"}) {
    ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
    scripted.audit.id = id;
    Store::open_writer(path).create(scripted.audit);
  }
  const Store store = Store::open_reader(path);
  const std::vector<AuditSummary> audits = store.list();
  ASSERT_EQ(audits.size(), 3u);
  EXPECT_EQ(audits[2].id, "20250101-c") << "in the order they were made, whatever the clock said";
  EXPECT_THAT(audits[0].arms, ElementsAre("standard", "invariant"));
  EXPECT_EQ(audits[0].turns_done, 0);
  EXPECT_EQ(audits[0].turns, static_cast<int64_t>(store.load("20260101-a").plan.order.size()));
  EXPECT_EQ(store.resolve("2025"), "20250101-c");
  EXPECT_EQ(store.resolve("latest"), "20250101-c");
  EXPECT_EQ(store.resolve("20260101-b"), "20260101-b");
  for (const char* id : {"2026", "x", "", "20260101-b "}) {
    try {
      store.resolve(id);
      ADD_FAILURE() << id;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::usage) << id;
    }
  }
}

TEST(Store, AuditsOfOneListAreCommittedAllOrNoneAndHaveIdsOfTheirOwn) {
  const TemporaryFolder folder;
  Store store = Store::open_writer(folder / "audits.db");
  const auto make = [](size_t place) {
    ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
    scripted.audit.id = "";
    record({.set = "set-1",
            .place = static_cast<int64_t>(place) + 1,
            .count = 500,
            .name = "p",
            .sha256 = "",
            .seed = 1},
           scripted.audit.subject.settings);
    return scripted.audit;
  };
  EXPECT_THROW(store.create(3,
                            [&](size_t place) {
                              if (place == 2) throw Error(Exit::usage, "no plan");
                              return make(place);
                            }),
               Error);
  EXPECT_THAT(store.list(), IsEmpty());
  // An id ends with four random digits: of 500 within a second some are drawn twice, 6 times of 7.
  const std::vector<std::string> ids = store.create(500, make);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 500u);
  const std::vector<AuditSummary> audits = store.list();
  ASSERT_EQ(audits.size(), 500u);
  EXPECT_EQ(audits[7].id, ids[7]);
  ASSERT_TRUE(audits[7].prompts);
  EXPECT_EQ(audits[7].prompts->place, 8);
}

TEST(Store, SuggestsTheNearestId) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  scripted.audit.id = "20260101T080000-00ff";
  Store::open_writer(folder / "audits.db").create(scripted.audit);
  const Store store = Store::open_reader(folder / "audits.db");
  const auto refused = [&](const std::string& id) -> std::string {
    try {
      return store.resolve(id);
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_THAT(refused("20260101T080000-00fe"), testing::EndsWith(", perhaps 20260101T080000-00ff"));
  EXPECT_THAT(refused("20260110"), testing::EndsWith(", perhaps 20260101"));
  EXPECT_THAT(refused("lastest"), testing::EndsWith(", perhaps latest"));
  EXPECT_THAT(refused("x"), testing::EndsWith("`repro-audit list` shows"));
}

TEST(Store, NewAuditsGetIdsThatSortByTheirTime) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store::open_writer(folder / "audits.db").create(scripted.audit);
  EXPECT_THAT(scripted.audit.id, testing::MatchesRegex("[0-9]+T[0-9]+-[0-9a-f]+"));
  EXPECT_THAT(scripted.audit.created, testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z"));
}

TEST(Store, RefusesASecondResultOfOneAttempt) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  const std::atomic<bool> stop{false};
  const TrialResult result =
      scripted.subjects[0]->run(scripted.audit.plan.trials[0], scripted.audit.plan.texts, stop);
  store.append(scripted.audit.id, {0, 0}, 0, result, {});
  EXPECT_THROW(store.append(scripted.audit.id, {0, 0}, 0, result, {}), Error);
  EXPECT_NO_THROW(store.append(scripted.audit.id, {0, 0}, 1, result, {}))
      << "a retry is an attempt of its own";
  EXPECT_EQ(store.load(scripted.audit.id).attempts.size(), 2u);
}

TEST(Store, RefusesResultsThatAreNotThePlans) {
  const TemporaryFolder folder;
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store store = Store::open_writer(folder / "audits.db");
  store.create(scripted.audit);
  const std::atomic<bool> stop{false};
  TrialResult result =
      scripted.subjects[0]->run(scripted.audit.plan.trials[0], scripted.audit.plan.texts, stop);
  result.sequences[0].index = 4;
  try {
    store.append(scripted.audit.id, {0, 0}, 0, result, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bug);
  }
  EXPECT_TRUE(store.load(scripted.audit.id).attempts.empty()) << "nothing of it is stored";
}

TEST(Store, ChainsEveryArmsLinesFromItsFirst) {
  const TemporaryFolder folder;
  const Audit audit = run_whole(folder / "audits.db", {}, "one");
  const SequenceFact& first = audit.sequences.front();
  const Stream& stream = audit.streams[static_cast<size_t>(first.stream)];
  const std::string arm = audit.arms[static_cast<size_t>(first.arm)].name;
  // The form of evidence's runs.ndjson, written out here by hand.
  const std::string line =
      "{\"audit\":\"one\",\"arm\":\"" + arm +
      "\",\"run\":-1,\"trial\":0,\"attempt\":0,\"sequence\":0,\"tokenCount\":12,\"sha256\":\"" +
      stream.token_sha256 + "\",\"xxh3\":\"" + hex(stream.token_hash) + "\",\"logitDigest\":\"" +
      hex(stream.digest) + "\",\"endReason\":\"length\",\"prevSha256\":\"" + std::string(64, '0') + "\"}";
  EXPECT_EQ(first.chain, hex(sha256(line)));
}

TEST(Store, LeavesReadersAloneWhileItWrites) {
  const TemporaryFolder folder;
  const std::string path = folder / "audits.db";
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  Store writer = Store::open_writer(path);
  writer.create(scripted.audit);
  const Store reader = Store::open_reader(path);
  size_t seen = 0;
  RunnerOptions options = scripted_options();
  options.on_progress = [&](const ProgressEvent& event) {
    if (event.turns_done % 10 != 0) return;
    const Audit audit = reader.load(scripted.audit.id);
    EXPECT_EQ(audit.attempts.size(), static_cast<size_t>(event.turns_done));
    ++seen;
  };
  run_audit(scripted.audit, scripted.arms(), writer, options);
  EXPECT_GT(seen, 3u);
}

}  // namespace
}  // namespace ra
