// Signals at any moment: what was acknowledged stays, and a resumed audit ends as an uninterrupted one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "core/audit/store.h"
#include "core/json.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

// An audit of a few seconds: enough turns that a signal falls anywhere among them.
std::vector<std::string> long_audit(const TemporaryFolder& folder) {
  return tiny_audit(folder, {"--strata", "rows,preempt", "--seed", "7", "--threads", "1"});
}
std::vector<std::string> resume(const TemporaryFolder& folder) {
  return {"run", "--resume", "latest", "--db", folder / "audits.sqlite"};
}

std::vector<AuditSummary> audits(const TemporaryFolder& folder) {
  if (!std::filesystem::exists(folder / "audits.sqlite")) return {};
  return Store::open_reader(folder / "audits.sqlite").list();
}

void wait_for_turns(Process& process, const TemporaryFolder& folder, int64_t turns) {
  while (process.running()) {
    const std::vector<AuditSummary> now = audits(folder);
    if (!now.empty() && now.back().turns_done >= turns) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// The JSON report without the member that holds what an interruption may change.
std::string lasting_report(const TemporaryFolder& folder) {
  const Finished made = run_program({"report", "--json", "-", "--db", folder / "audits.sqlite"});
  EXPECT_EQ(made.status, 0) << made.err;
  const std::string begin = ",\n  \"volatile\": {", end = "\n  }";
  const size_t from = made.out.find(begin);
  const size_t to = made.out.find(end, from);
  if (from == std::string::npos || to == std::string::npos) {
    ADD_FAILURE() << "no member volatile in the report";
    return made.out;
  }
  return made.out.substr(0, from) + made.out.substr(to + end.size());
}

std::string uninterrupted_report() {
  const TemporaryFolder folder;
  EXPECT_EQ(run_program(long_audit(folder)).status, 0);
  return lasting_report(folder);
}

class Interruption : public ::testing::TestWithParam<int> {};

TEST_P(Interruption, TheFirstSignalFinishesTheTrialAndSaysHowToGoOn) {
  const TemporaryFolder folder;
  Process process({.arguments = long_audit(folder)});
  wait_for_turns(process, folder, 3);
  process.send(GetParam());
  const Finished stopped = process.wait();
  EXPECT_EQ(stopped.status, 128 + GetParam()) << stopped.err;
  EXPECT_EQ(stopped.out, "");
  EXPECT_THAT(stopped.err, HasSubstr("stopping after the running trial"));
  const std::string id = audits(folder).back().id;
  EXPECT_THAT(stopped.err, HasSubstr("repro-audit run --resume " + id));

  EXPECT_EQ(run_program({"show", "--db", folder / "audits.sqlite"}).status, 0);
  EXPECT_EQ(run_program({"run", "--resume", id, "--db", folder / "audits.sqlite"}).status, 0);
  EXPECT_EQ(lasting_report(folder), uninterrupted_report());
}
INSTANTIATE_TEST_SUITE_P(Signals, Interruption, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST(Interruptions, TheSecondSignalStopsAtOnceAndTheAuditGoesOn) {
  const TemporaryFolder folder;
  Process process({.arguments = long_audit(folder)});
  wait_for_turns(process, folder, 1);
  process.send(SIGINT);
  process.send(SIGINT);
  EXPECT_EQ(process.wait().status, 128 + SIGINT);
  EXPECT_EQ(run_program(resume(folder)).status, 0);
  EXPECT_EQ(lasting_report(folder), uninterrupted_report());
}

TEST(Interruptions, AStoppedTimeGoesOn) {
  const TemporaryFolder folder;
  Process process({.arguments = long_audit(folder)});
  wait_for_turns(process, folder, 1);
  process.send(SIGTSTP);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  process.send(SIGCONT);
  EXPECT_EQ(process.wait().status, 0);
}

// Within two thirds of the time of a whole audit, which a sanitizer or a busy machine makes longer: from the first system
// call to many turns into the run.
TEST(Interruptions, FiftyKillsAtRandomMomentsLoseNothing) {
  constexpr int kKills = 50;
  const auto start = std::chrono::steady_clock::now();
  const std::string expected = uninterrupted_report();
  const auto longest = (std::chrono::steady_clock::now() - start) * 2 / 3;
  std::mt19937 random(20240607);
  int kills = 0, finished_audits = 0;
  while (kills < kKills) {
    const TemporaryFolder folder;
    int64_t acknowledged = 0;
    for (;;) {
      const bool begun = !audits(folder).empty();
      Process process({.arguments = begun ? resume(folder) : long_audit(folder)});
      bool killed = false;
      if (kills < kKills) {  // the last audit is let end
        std::this_thread::sleep_for(longest * (random() % 1024) / 1024);
        killed = process.running();
        process.send(SIGKILL);
      }
      const Finished ended = process.wait();
      if (!killed) {
        ASSERT_EQ(ended.status, 0) << ended.err;
        break;
      }
      ++kills;
      const std::vector<AuditSummary> now = audits(folder);
      const int64_t done = now.empty() ? 0 : now.back().turns_done;
      ASSERT_GE(done, acknowledged) << "after kill " << kills;
      acknowledged = done;
    }
    ASSERT_EQ(run_program({"db", "check", "--db", folder / "audits.sqlite"}).status, 0);
    ASSERT_EQ(lasting_report(folder), expected) << "after " << kills << " kills";
    ++finished_audits;
  }
  RecordProperty("kills", kills);
  RecordProperty("audits", finished_audits);
}

std::vector<Json> events(const std::string& path) {
  std::vector<Json> found;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && !file.eof();) found.push_back(parse_json(line, path));
  return found;
}

TEST(Interruptions, EventsAreOfCommittedTrialsOnlyAndGoOnWithTheAudit) {
  const TemporaryFolder folder;
  const std::string path = folder / "events.ndjson";
  const std::vector<std::string> option = {"--events", path};
  int segments = 0;
  for (Finished ended; ended.status != 0; ++segments) {
    std::vector<std::string> arguments = audits(folder).empty() ? long_audit(folder) : resume(folder);
    arguments.insert(arguments.end(), option.begin(), option.end());
    if (audits(folder).empty()) arguments.emplace_back("--force");
    Process process({.arguments = arguments});
    const int64_t before = audits(folder).empty() ? 0 : audits(folder).back().turns_done;
    if (segments < 8) wait_for_turns(process, folder, before + 1 + segments % 3);
    if (segments < 8) process.send(SIGKILL);
    ended = process.wait();
    if (audits(folder).empty()) continue;
    const Audit audit = Store::open_reader(folder / "audits.sqlite").load(audits(folder).back().id);
    std::set<std::pair<std::string, uint64_t>> committed, told;
    for (const Attempt& attempt : audit.attempts)
      committed.insert({audit.arms[static_cast<size_t>(attempt.arm)].name, attempt.trial});
    uint64_t done = 0;
    for (const Json& event : events(path)) {
      const std::string kind = event.find("event")->string("event");
      const uint64_t now = event.find("trials_done")->unsigned_integer("trials_done");
      if (kind == "begin") {
        EXPECT_TRUE(now == done || now == done + 1) << now << " after " << done;
      } else if (kind == "trial") {
        EXPECT_EQ(now, done + 1);
        const auto turn =
            std::pair(event.find("arm")->string("arm"), event.find("trial")->unsigned_integer("trial"));
        EXPECT_TRUE(committed.contains(turn)) << turn.first << " " << turn.second;
        EXPECT_TRUE(told.insert(turn).second) << "told twice: " << turn.first << " " << turn.second;
      }
      done = now;
    }
    EXPECT_GE(told.size() + static_cast<size_t>(segments) + 1, committed.size());
  }
  const std::vector<Json> all = events(path);
  EXPECT_EQ(all.back().find("event")->string("event"), "end");
  EXPECT_EQ(all.back().find("state")->string("state"), "complete");
  EXPECT_GT(segments, 1);
}

// The option counts whole minutes, so this takes one.
TEST(InterruptionLong, WhenItsMinutesAreOverItBeginsNoTrialAndGoesOnLater) {
  const TemporaryFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  const Finished stopped =
      run_program({"run", "--model", RA_GOLDEN "/llama-tied-bf16", "--prompt-ids",
                   folder.write("ids.json", "[168, 245, 37]"), "--db", folder / "audits.sqlite",
                   "--max-minutes", "1", "-n", "100000", "--max-tokens", "8", "--batch-sizes", "1,2"});
  EXPECT_EQ(stopped.status, 5) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("--max-minutes are over"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::minutes(1));
  ASSERT_FALSE(audits(folder).empty());
  const AuditSummary audit = audits(folder).back();
  EXPECT_GT(audit.turns_done, 0);
  EXPECT_LT(audit.turns_done, audit.turns);
  EXPECT_THAT(stopped.err, HasSubstr("repro-audit run --resume " + audit.id));
}

}  // namespace
}  // namespace ra
