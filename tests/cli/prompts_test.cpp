// Lists of prompts by the real program: an audit a prompt, stopped anywhere and gone on with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "core/audit/set_place.h"
#include "core/audit/store.h"
#include "core/json.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kList =
    "{\"id\": \"first\", \"prompt_ids\": [168, 245, 37, 80, 124]}\n"
    "{\"id\": \"second\", \"prompt\": \"Name a river.\"}\n"
    "{\"id\": \"third\", \"prompt_ids\": [1, 2, 3]}\n";

std::vector<std::string> list_audit(const TemporaryFolder& folder,
                                    const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = tiny_audit(folder, {"--raw", "--threads", "1"});
  arguments[3] = "--prompts";
  arguments[4] = folder.write("prompts.jsonl", kList);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Finished with_database(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--db", folder / "audits.sqlite"});
  return run_program(arguments);
}

std::vector<AuditSummary> audits(const TemporaryFolder& folder) {
  if (!std::filesystem::exists(folder / "audits.sqlite")) return {};
  return Store::open_reader(folder / "audits.sqlite").list();
}

int64_t turns_done(const TemporaryFolder& folder) {
  int64_t done = 0;
  for (const AuditSummary& audit : audits(folder)) done += audit.turns_done;
  return done;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The JSON report over all prompts without what an interruption may change.
std::string lasting_report(const TemporaryFolder& folder) {
  const Finished made = with_database(folder, {"report", "latest", "--json", "-"});
  EXPECT_EQ(made.status, 0) << made.err;
  const size_t from = made.out.find(",\n  \"volatile\": {");
  EXPECT_NE(from, std::string::npos) << made.out;
  return made.out.substr(0, from);
}

TEST(Prompts, AListIsAnAuditAPromptAndOneResultOverAll) {
  const TemporaryFolder folder;
  const Finished finished =
      run_program(list_audit(folder, {"--json", folder / "all.json", "--junit", folder / "all.xml"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out,
              StartsWith("prompt                standard                     invariant\nfirst  "));
  EXPECT_THAT(finished.out,
              HasSubstr("\ninvariant gave one answer to each of 3 prompts, bit for bit; standard "));
  EXPECT_THAT(finished.out, HasSubstr("0 of 3 (at most 63.2%, 95%) differ in logits"));
  EXPECT_THAT(finished.err, HasSubstr("prompt 3/3: runs: standard 12/12, invariant 12/12"));
  EXPECT_EQ(finished.err.find("loading weights"), finished.err.rfind("loading weights")) << "once for all";

  const std::vector<AuditSummary> found = audits(folder);
  ASSERT_EQ(found.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found[i].turns_done, found[i].turns);
    ASSERT_TRUE(found[i].prompts);
    EXPECT_EQ(found[i].prompts->set, found[0].prompts->set);
    EXPECT_EQ(found[i].prompts->place, static_cast<int64_t>(i) + 1);
  }
  const std::string set = found[0].prompts->set;
  EXPECT_EQ(with_database(folder, {"show", set}).out, finished.out);
  EXPECT_EQ(with_database(folder, {"show", set.substr(0, 10)}).out, finished.out)
      << "ids are shortened while unique";
  EXPECT_EQ(with_database(folder, {"show"}).out, finished.out) << "latest is the set";
  EXPECT_EQ(with_database(folder, {"report", set, "--json", "-"}).out, content(folder / "all.json"));
  EXPECT_EQ(with_database(folder, {"report", set, "--junit", "-"}).out, content(folder / "all.xml"));
  EXPECT_THAT(with_database(folder, {"show", found[1].id}).out, HasSubstr("\ninvariant: identical\n"))
      << "a prompt's audit is like any other";
  EXPECT_THAT(with_database(folder, {"list"}).out, HasSubstr(set + " 2/3  \"Name a river.\""));
  EXPECT_THAT(with_database(folder, {"show", "set-9"}).err, HasSubstr("set 'set-9': there is none"));
}

TEST(Prompts, ASetIsPrunedWholeOrNotAtAll) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(list_audit(folder)).status, 0);
  ASSERT_EQ(run_program(list_audit(folder)).status, 0);
  const std::vector<AuditSummary> before = audits(folder);
  ASSERT_EQ(before.size(), 6u);
  std::string older;
  for (size_t i = 0; i < 3; ++i) older += before[i].id + "\n";
  EXPECT_THAT(with_database(folder, {"db", "prune", "--keep", "4"}).out, HasSubstr(": 0 audits removed"));
  const Finished pruned = with_database(folder, {"db", "prune", "--keep", "2"});
  EXPECT_EQ(pruned.out, older + folder / "audits.sqlite" + ": 3 audits removed\n") << pruned.err;
  EXPECT_EQ(audits(folder).size(), 3u);
  EXPECT_EQ(with_database(folder, {"show", "latest"}).status, 0) << "told over all its prompts";
  EXPECT_EQ(with_database(folder, {"db", "prune", "--keep", "0"}).status, 0);
  EXPECT_TRUE(audits(folder).empty());
}

TEST(Prompts, APromptsPlanIsThatOfItsOwnSeedWhereverItStands) {
  const TemporaryFolder folder, alone, other;
  ASSERT_EQ(run_program(list_audit(folder)).status, 0);
  const Store store = Store::open_reader(folder / "audits.sqlite");
  const Audit first = store.load(audits(folder)[0].id), third = store.load(audits(folder)[2].id);
  EXPECT_NE(first.plan.spec.seed, third.plan.spec.seed);
  EXPECT_EQ(first.subject.settings.at("seed"), std::to_string(first.plan.spec.seed));

  std::vector<std::string> again = list_audit(other);
  other.write("prompts.jsonl", "{\"id\": \"third\", \"prompt_ids\": [1, 2, 3]}\n");
  ASSERT_EQ(run_program(again).status, 0);
  EXPECT_EQ(plan_sha256(Store::open_reader(other / "audits.sqlite").load(audits(other)[0].id).plan),
            plan_sha256(third.plan));

  ASSERT_EQ(run_program(tiny_audit(alone, {"--threads", "1", "--seed", std::to_string(first.plan.spec.seed)}))
                .status,
            0);
  const Audit single = Store::open_reader(alone / "audits.sqlite").load(audits(alone)[0].id);
  EXPECT_EQ(plan_sha256(single.plan), plan_sha256(first.plan)) << "it can be run again without the list";
  ASSERT_EQ(single.sequences.size(), first.sequences.size());
  for (size_t i = 0; i < single.sequences.size(); ++i) {
    EXPECT_EQ(single.streams[static_cast<size_t>(single.sequences[i].stream)].digest,
              first.streams[static_cast<size_t>(first.sequences[i].stream)].digest)
        << "room for other prompts changes no bit";
  }
}

TEST(Prompts, KilledAnywhereTheSetGoesOnAndEndsAsIfItHadNotBeen) {
  const TemporaryFolder whole;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_program(list_audit(whole)).status, 0);
  const auto longest = std::chrono::steady_clock::now() - start;
  const std::string expected = lasting_report(whole);
  std::mt19937 random(20261122);
  int between = 0;  // kills that left finished, begun and untouched prompts alike
  for (int round = 0; round < 4; ++round) {
    const TemporaryFolder folder;
    for (int kills = 0;; ++kills) {
      const bool begun = !audits(folder).empty();
      const int64_t before = turns_done(folder);
      Process process({.arguments = begun ? std::vector<std::string>{"run", "--resume", "latest", "--db",
                                                                     folder / "audits.sqlite"}
                                          : list_audit(folder)});
      if (kills < 4) {
        std::this_thread::sleep_for(longest * (random() % 1024) / 1024);
        process.send(SIGKILL);
      }
      const Finished ended = process.wait();
      EXPECT_GE(turns_done(folder), before);
      const std::vector<AuditSummary> now = audits(folder);
      if (ended.status == 0) break;
      ASSERT_EQ(ended.status, 128 + SIGKILL) << ended.err;
      ASSERT_TRUE(now.empty() || now.size() == 3) << "all are committed, or none";
      if (!now.empty()) between += now[0].turns_done == now[0].turns && now[2].turns_done == 0 ? 1 : 0;
    }
    EXPECT_EQ(lasting_report(folder), expected);
  }
  EXPECT_GT(between, 0);
}

TEST(Prompts, ASignalInTheMiddleNamesTheSetAndLeavesFinishedPromptsAlone) {
  const TemporaryFolder folder;
  const std::string events = folder / "events.ndjson";
  Process process({.arguments = list_audit(folder, {"--events", events})});
  while (process.running() && (audits(folder).size() < 3 || audits(folder)[1].turns_done < 2))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.send(SIGTERM);
  const Finished stopped = process.wait();
  ASSERT_EQ(stopped.status, 128 + SIGTERM) << stopped.err;
  const std::string set = audits(folder)[0].prompts->set;
  EXPECT_THAT(stopped.err, HasSubstr("repro-audit run --resume " + set));
  EXPECT_THAT(with_database(folder, {"show", set}).out, HasSubstr("\n? third "));

  const Finished resumed = with_database(folder, {"run", "--resume", set, "--events", events});
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  const Store store = Store::open_reader(folder / "audits.sqlite");
  EXPECT_EQ(store.load(audits(folder)[0].id).segments.size(), 1u) << "it was finished";
  EXPECT_EQ(store.load(audits(folder)[1].id).segments.size(), 2u);

  std::map<std::string, int64_t> trials;  // by prompt
  std::string prompt, last;
  std::istringstream lines(content(events));
  for (std::string line; std::getline(lines, line); last = line) {
    const Json event = parse_json(line, "events");
    const std::string& kind = event.find("event")->string("event");
    if (kind == "begin") prompt = event.find("prompt")->find("id")->string("id");
    if (kind == "trial") ++trials[prompt];
  }
  for (const AuditSummary& audit : audits(folder)) EXPECT_EQ(trials[audit.prompts->name], audit.turns);
  EXPECT_THAT(last, HasSubstr(R"("event":"end of list")"));
}

TEST(Prompts, AResumedSetKeepsItsListAndSettings) {
  const TemporaryFolder folder;
  const std::vector<std::string> begin = list_audit(folder);
  ASSERT_EQ(run_program(begin).status, 0);
  EXPECT_EQ(with_database(folder, {"run", "--resume", "latest"}).status, 0)
      << "a whole set only reports again";
  EXPECT_THAT(with_database(folder, {"run", "--resume", "latest", "--prompts", begin[4]}).err,
              HasSubstr("--prompts with --resume"));
  ASSERT_EQ(with_database(folder, {"baseline", "set", audits(folder)[0].id, "night"}).status, 0);
  const Finished refused = with_database(folder, {"run", "--resume", "latest", "--baseline", "night"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--baseline with a list of prompts; expected one prompt"));
  EXPECT_THAT(with_database(folder, {"run", "--resume", audits(folder)[2].id}).out, StartsWith("prompt "))
      << "an audit's set goes on";

  // As where only some of a set's audits were imported.
  Store::open_writer(folder / "audits.sqlite").remove({audits(folder)[1].id});
  const Finished missing = with_database(folder, {"show"});
  EXPECT_EQ(missing.status, 3);
  EXPECT_THAT(missing.err,
              HasSubstr("2 of its 3 audits are in the database; expected all, or the id of one"));
}

TEST(Prompts, ThePolicyIsJudgedForEachPromptAndTheWorstIsTheExitStatus) {
  const TemporaryFolder folder;
  const Finished finished =
      run_program(list_audit(folder, {"--kernels", "invariant", "--policy", "nightly"}));
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err,
              testing::EndsWith(
                  "repro-audit: 3 of 3 prompts do not meet the policy; prompt \"first\": policy nightly: "
                  "the control did not fire: challenge none; expected logits\n"));
  EXPECT_THAT(finished.out, HasSubstr("\n! second "));
  EXPECT_THAT(finished.out, HasSubstr("Policy nightly: met by 0 of 3 prompts."));
}

TEST(Prompts, ADryRunShowsEachPromptAndTheSum) {
  const TemporaryFolder folder;
  const Finished finished = run_program(list_audit(folder, {"--dry-run"}));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out,
              StartsWith("plan:        3 prompts, 12 runs of 8 tokens in each arm (standard, invariant)"));
  EXPECT_THAT(finished.out, HasSubstr("\n  second "));
  EXPECT_THAT(finished.out, testing::ContainsRegex("\n  all +84 +[0-9]+ +[0-9]+  in each arm\n"));
  EXPECT_FALSE(std::filesystem::exists(folder / "audits.sqlite"));
}

TEST(Prompts, AListCanComeFromStandardInput) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = list_audit(folder, {"--quiet"});
  arguments[4] = "-";
  const Finished finished =
      launch_program({.arguments = arguments, .input = "{\"id\":\"a\",\"prompt\":\"b\"}"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.err, "");
  EXPECT_THAT(finished.out, HasSubstr("one answer to each of 1 prompt,"));
}

TEST(Prompts, AThousandAuditsAreListedInAFifthOfASecond) {
  const TemporaryFolder folder;
  std::string list;
  for (int i = 0; i < 1000; ++i)
    list += "{\"id\":\"" + std::to_string(i) + "\",\"prompt_ids\":[" + std::to_string(i % 600) + "]}\n";
  std::vector<std::string> arguments = {"run",   "--model",   RA_GOLDEN "/llama-tied-bf16",
                                        "--raw", "--db",      folder / "audits.sqlite",
                                        "-n",    "1",         "--max-tokens",
                                        "1",     "--quiet",   "--batch-sizes",
                                        "1",     "--prompts", folder.write("list.jsonl", list)};
  Process process({.arguments = arguments});
  while (process.running() && audits(folder).empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  process.send(SIGTERM);
  const Finished stopped = process.wait();
  ASSERT_EQ(stopped.status, 128 + SIGTERM) << stopped.err;
  const Finished listed = with_database(folder, {"list"});
  EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), '\n'), 1000);
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(listed.cpu_seconds, 0.2);
#endif
}

}  // namespace
}  // namespace ra
