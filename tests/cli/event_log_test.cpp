#include "cli/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "core/error.h"
#include "core/json.h"
#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<Json> events(const std::string& path) {
  std::vector<Json> found;
  std::istringstream lines(content(path));
  for (std::string line; std::getline(lines, line);) found.push_back(parse_json(line, path));
  return found;
}

Audit small_audit() {
  Audit audit;
  audit.id = "20261122T080000-00ff";
  audit.arms = {{.id = 0, .name = "standard"}};
  audit.plan.spec.runs = 2;
  audit.plan.trials = {{.id = 0, .kind = TrialKind::solo}, {.id = 1, .batch_size = 2}};
  audit.plan.order = {{0, 0}, {1, 0}};
  return audit;
}

SequenceResult run(int32_t index, std::vector<int32_t> tokens) {
  const size_t steps = tokens.size();
  return {.index = index, .tokens = std::move(tokens), .steps = std::vector<StepRecord>(steps)};
}

// With its times left out.
TEST(EventLog, OfTwoTrialsIsTheGoldenOne) {
  const TemporaryFolder folder;
  const Audit audit = small_audit();
  const TrialResult solo{.sequences = {run(-1, {5, 6})}, .seconds = 0.25};
  const TrialResult failed{.failed = true, .failure = "out of memory", .seconds = 0.5};
  {
    EventLog log(folder / "events", false);
    log.begin(audit);
    log.trial(audit, {.turn = {0, 0}, .trial = &audit.plan.trials[0], .result = &solo, .turns_done = 1});
    log.trial(audit, {.turn = {1, 0}, .trial = &audit.plan.trials[1], .result = &failed, .turns_done = 2});
    log.end("complete", 1, "policy default: no");
  }
  const std::string found = std::regex_replace(
      content(folder / "events"), std::regex(R"("time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")"), R"("time":"T")");
  EXPECT_EQ(found, read_file(golden_path("reports/events.ndjson")));
}

TEST(EventLog, SaysOfEachRunWhetherItEqualsSolo) {
  const TemporaryFolder folder;
  const Audit audit = small_audit();
  const TrialResult solo{.sequences = {run(-1, {5, 6})}, .seconds = 0.25};
  const TrialResult two{.sequences = {run(0, {5, 6}), run(1, {5, 7})}};
  {
    EventLog log(folder / "events", false);
    log.begin(audit);
    log.trial(audit, {.turn = {0, 0}, .trial = &audit.plan.trials[0], .result = &solo, .turns_done = 1});
    log.trial(audit, {.turn = {1, 0}, .trial = &audit.plan.trials[1], .result = &two, .turns_done = 2});
    log.end("complete", 1, "policy default: no");
  }
  const std::vector<Json> found = events(folder / "events");
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].find("trials")->unsigned_integer("trials"), 2u);
  EXPECT_EQ(found[1].find("seconds")->number("seconds"), 0.25);
  EXPECT_TRUE(found[1].find("runs")->array("runs")[0].find("index")->is_null()) << "solo is outside the N";
  const Json::Array& runs = found[2].find("runs")->array("runs");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_TRUE(runs[0].find("equal_to_solo")->boolean("equal"));
  EXPECT_FALSE(runs[1].find("equal_to_solo")->boolean("equal"));
  EXPECT_EQ(found[3].find("exit_status")->unsigned_integer("status"), 1u);
  EXPECT_EQ(found[3].find("reason")->string("reason"), "policy default: no");
}

TEST(EventLog, AFailedTrialHasItsReasonAndNoRuns) {
  const TemporaryFolder folder;
  const Audit audit = small_audit();
  const TrialResult failed{.failed = true, .failure = "out of memory\n"};
  EventLog log(folder / "events", false);
  log.begin(audit);
  log.trial(audit, {.turn = {1, 0}, .trial = &audit.plan.trials[1], .result = &failed, .turns_done = 1});
  const std::vector<Json> found = events(folder / "events");
  ASSERT_EQ(found.size(), 2u) << "a newline in a text ends no line";
  EXPECT_EQ(found[1].find("failure")->string("failure"), "out of memory\n");
  EXPECT_TRUE(found[1].find("runs")->array("runs").empty());
}

TEST(EventLog, GoesOnAfterTheLastWholeLine) {
  const TemporaryFolder folder;
  const Audit audit = small_audit();
  { EventLog(folder / "events", false).begin(audit); }
  const std::string whole = content(folder / "events");
  std::ofstream(folder / "events", std::ios::app) << R"({"event":"tri)";
  { EventLog(folder / "events", true).begin(audit); }
  EXPECT_THAT(content(folder / "events"), testing::StartsWith(whole));
  EXPECT_EQ(events(folder / "events").size(), 2u);
  { EventLog(folder / "events", false).begin(audit); }
  EXPECT_EQ(events(folder / "events").size(), 1u);
}

TEST(EventLog, LeavesAFileOfSomethingElseAsItIs) {
  const TemporaryFolder folder;
  const std::string path = folder.write("notes", "my notes, without a newline");
  try {
    EventLog log(path, true);
    FAIL() << "taken for events";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::usage);
    EXPECT_THAT(error.what(), HasSubstr("other bytes than events"));
  }
  EXPECT_EQ(content(path), "my notes, without a newline");
}

}  // namespace
}  // namespace ra
