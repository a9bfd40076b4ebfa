// Whole audits by the real program, of the tiny golden checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/audit/store.h"
#include "core/json.h"
#include "core/llm/checkpoint.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

Audit stored(const TemporaryFolder& folder) {
  const Store store = Store::open_reader(folder / "audits.sqlite");
  return store.load(store.resolve("latest"));
}

// (trial, sequence) -> digest over all its steps, of one arm.
std::map<std::pair<int32_t, int32_t>, Hash128> digests(const Audit& audit, const std::string& arm) {
  std::map<std::pair<int32_t, int32_t>, Hash128> found;
  for (const SequenceFact& fact : audit.sequences) {
    if (audit.arms[static_cast<size_t>(fact.arm)].name != arm) continue;
    found[{fact.trial, fact.sequence}] = audit.streams[static_cast<size_t>(fact.stream)].digest;
  }
  return found;
}

// Runs the tiny audit and gives the invariant arm's digests.
std::map<std::pair<int32_t, int32_t>, Hash128> invariant_digests(const std::vector<std::string>& more) {
  const TemporaryFolder folder;
  const Finished finished = run_program(tiny_audit(folder, more));
  EXPECT_EQ(finished.status, 0) << finished.err;
  return digests(stored(folder), "invariant");
}

bool has_device(const std::string& id) {
  return run_program({"--version"}).out.find("device " + id + " ") != std::string::npos;
}

TEST(Audit, EndsWithTheAnswerOnStdoutAndTheReportsInTheirFiles) {
  const TemporaryFolder folder;
  const Finished finished =
      run_program(tiny_audit(folder, {"--json", folder / "report.json", "--html", folder / "report.html"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("12 of 12"));
  EXPECT_THAT(finished.out, HasSubstr("Not tested: your serving stack"));
  EXPECT_THAT(finished.err, HasSubstr("runs: standard 12/12, invariant 12/12"));

  const std::string json = run_program({"report", "--json", "-", "--db", folder / "audits.sqlite"}).out;
  std::ifstream file(folder / "report.json");
  EXPECT_EQ(json, std::string(std::istreambuf_iterator<char>(file), {})) << "made again, the same bytes";
  EXPECT_NO_THROW(parse_json(json, "report.json"));
  EXPECT_TRUE(std::filesystem::exists(folder / "report.html"));
  const Finished shown = run_program({"show", "--db", folder / "audits.sqlite"});
  ASSERT_THAT(shown.out, StartsWith(finished.out));
  EXPECT_THAT(shown.out.substr(finished.out.size()), MatchesRegex("Run chain: [0-9a-f]{64}\n"));
}

TEST(Audit, EventsOnStdoutTakeThePlaceOfTheSummary) {
  const TemporaryFolder folder;
  const Finished finished = run_program(tiny_audit(folder, {"--events", "-"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  std::istringstream lines(finished.out);
  std::string last;
  size_t trials = 0;
  for (std::string line; std::getline(lines, line); last = line)
    trials += parse_json(line, "events").find("event")->string("event") == "trial" ? 1 : 0;
  EXPECT_EQ(trials, stored(folder).plan.order.size());
  EXPECT_THAT(last, HasSubstr(R"("state":"complete")"));
}

TEST(Audit, SaysWhichDeviceItTookOnlyWhereNothingNamedOne) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / ".config/repro-audit");
  const auto said = [&](const std::vector<std::string>& arguments) {
    const Finished finished =
        launch_program({.arguments = arguments, .environment = {{"HOME", folder.path()}}});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.err;
  };
  EXPECT_THAT(said(tiny_audit(folder, {})), HasSubstr("repro-audit: device "));
  EXPECT_THAT(said(tiny_audit(folder, {"--device", "auto"})), HasSubstr("repro-audit: device "));
  EXPECT_THAT(said({"run", "--resume", "latest", "--db", folder / "audits.sqlite"}),
              Not(HasSubstr("repro-audit: device ")));
  EXPECT_THAT(said(tiny_audit(folder, {"--device", "cpu"})), Not(HasSubstr("repro-audit: device ")));
  folder.write(".config/repro-audit/config.toml", "device = 'cpu'\n");
  EXPECT_THAT(said(tiny_audit(folder, {})), Not(HasSubstr("repro-audit: device ")));
}

TEST(Audit, QuietSaysNothingOnStderr) {
  const TemporaryFolder folder;
  const Finished finished = run_program(tiny_audit(folder, {"--quiet"}));
  EXPECT_EQ(finished.status, 0);
  EXPECT_EQ(finished.err, "");
}

TEST(Audit, ADryRunShowsThePlanAndLeavesNothing) {
  const TemporaryFolder folder;
  const Finished finished = run_program(tiny_audit(folder, {"--dry-run"}));
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("12 runs of 8 tokens in each arm (standard, invariant), seed 1"));
  EXPECT_THAT(finished.out, HasSubstr("memory: "));
  EXPECT_THAT(finished.out, HasSubstr("not measured"));
  EXPECT_FALSE(std::filesystem::exists(folder / "audits.sqlite"));
}

TEST(Audit, InvariantHasTheSameDigestsOverTrialsThreadsAndTargets) {
  const auto expected = invariant_digests({"--threads", "1", "--strata", "rows,chunk,preempt,all"});
  ASSERT_GT(expected.size(), 20u);
  EXPECT_EQ(invariant_digests({"--threads", "2", "--strata", "rows,chunk,preempt,all"}), expected);
  for (const char* target : {"cpu:avx2", "cpu:avx512"}) {
    if (!has_device(target)) continue;
    EXPECT_EQ(invariant_digests({"--device", target, "--strata", "rows,chunk,preempt,all"}), expected)
        << target;
  }
}

class AuditOfFixture : public testing::TestWithParam<std::string> {};

TEST_P(AuditOfFixture, InvariantIsIdentical) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = tiny_audit(folder, {"--strata", "rows,all"});
  arguments[2] = RA_GOLDEN "/" + GetParam();
  const Finished finished = run_program(arguments);
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out,
              HasSubstr("\ninvariant: identical\n  runs              12 of 12 equal solo; 1 stream"));
  EXPECT_GT(digests(stored(folder), "invariant").size(), 12u);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AuditOfFixture,
                         testing::Values("llama-tied-bf16", "llama3-scaled-fp32-sharded", "mistral-fp16",
                                         "qwen2-bf16", "qwen3-bf16", "gguf/llama-tied-bf16.gguf",
                                         "gguf/llama-tied-q8_0.gguf", "gguf/qwen3-bf16.gguf"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

// B23: a row that no run looks up holds a NaN.
TEST(Audit, WeightsThatAreNoNumbersAreWarnedOfAndCountedInTheReport) {
  const TemporaryFolder folder;
  const std::string model = folder / "model";
  std::filesystem::copy(RA_GOLDEN "/llama3-scaled-fp32-sharded", model);
  const Checkpoint checkpoint = Checkpoint::open(model);
  const std::vector<StoredTensor>& tensors = checkpoint.tensors();
  const auto embedding = std::find_if(tensors.begin(), tensors.end(), [](const StoredTensor& tensor) {
    return tensor.name == "model.embed_tokens.weight";
  });
  ASSERT_NE(embedding, tensors.end());
  const std::string file = checkpoint.files().at(static_cast<size_t>(embedding->file)).path;
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  std::fstream weights(file, std::ios::in | std::ios::out | std::ios::binary);
  weights.seekp(static_cast<std::streamoff>(embedding->offset + embedding->bytes - 4));
  weights.write("\0\0\xc0\x7f", 4);
  weights.close();

  std::vector<std::string> arguments = tiny_audit(folder, {"--json", folder / "report.json"});
  arguments[2] = model;
  const Finished finished = run_program(arguments);
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("\nrepro-audit: warning: tensor model.embed_tokens.weight holds NaN or "
                                      "infinity\n"));
  std::ifstream report(folder / "report.json");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(report), {}),
              HasSubstr(R"("tensors_with_nan_or_infinity": "1")"));
}

// The tiny audit of a fixture's configuration with drawn weights and no tokenizer.
std::vector<std::string> dummy_audit(const TemporaryFolder& folder, const std::string& fixture,
                                     const std::vector<std::string>& more) {
  std::vector<std::string> arguments = tiny_audit(folder, more);
  arguments[2] = RA_GOLDEN "/" + fixture + "/config.json";
  arguments.insert(arguments.end(), {"--dummy-weights", "9", "--ignore-eos"});
  return arguments;
}

TEST(DummyAudit, InvariantIsIdenticalOverTrialsThreadsAndTargets) {
  std::vector<std::vector<std::string>> machines = {{"--threads", "1"}, {"--threads", "2"}};
  for (const char* target : {"cpu:avx2", "cpu:avx512"}) {
    if (has_device(target)) machines.push_back({"--device", target});
  }
  std::optional<std::map<std::pair<int32_t, int32_t>, Hash128>> expected;
  for (const std::vector<std::string>& machine : machines) {
    const TemporaryFolder folder;
    const Finished finished = run_program(dummy_audit(folder, "qwen3-bf16", machine));
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("\ninvariant: identical\n  runs              12 of 12 equal solo"));
    const Audit audit = stored(folder);
    EXPECT_EQ(audit.subject.model_name, "qwen3-bf16 (dummy weights, seed 9)");
    EXPECT_EQ(audit.subject.model.at("format"), "dummy");
    EXPECT_EQ(audit.subject.model.at("tokenizer"), "none");
    EXPECT_EQ(audit.subject.settings.at("dummy_weights"), "9");
    EXPECT_EQ(audit.subject.prompt_text, "[168, 245, 37, 80, 124]");
    const auto found = digests(audit, "invariant");
    ASSERT_GT(found.size(), 12u);
    if (!expected) expected = found;
    EXPECT_EQ(found, *expected);
  }
}

TEST(DummyAudit, GoesOnWithTheSeedThatItBeganWith) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(dummy_audit(folder, "qwen3-bf16", {})).status, 0);
  const std::vector<std::string> resume = {"run", "--resume", "latest", "--db", folder / "audits.sqlite"};
  const Finished resumed = run_program(resume);
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  std::vector<std::string> other = resume;
  other.insert(other.end(), {"--dummy-weights", "10"});
  const Finished refused = run_program(other);
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--dummy-weights with --resume"));
}

TEST(DummyAudit, ATextNeedsATokenizer) {
  const TemporaryFolder folder;
  const std::string text = folder.write("prompt.txt", "Name a river.");
  const std::vector<std::string> begin = {"run",
                                          "--model",
                                          RA_GOLDEN "/qwen3-bf16/config.json",
                                          "--db",
                                          folder / "audits.sqlite",
                                          "--dummy-weights",
                                          "1"};
  std::vector<std::string> prompt = begin;
  prompt.insert(prompt.end(), {"--prompt", text});
  const Finished finished = run_program(prompt);
  EXPECT_EQ(finished.status, 3);
  EXPECT_THAT(finished.err,
              HasSubstr("qwen3-bf16 (dummy weights, seed 1): no tokenizer; expected one, or the prompt's "
                        "token ids by --prompt-ids FILE\n"));
  std::vector<std::string> companions = begin;
  companions.insert(companions.end(),
                    {"--prompt-ids", folder.write("ids.json", "[1, 2]"), "--companions", text});
  const Finished refused = run_program(companions);
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, HasSubstr("no tokenizer; expected one, or companions that are drawn"));
}

TEST(Audit, AnArmAloneHasTheDigestsThatItHasInterleaved) {
  const auto interleaved = invariant_digests({"--kernels", "standard,invariant"});
  EXPECT_EQ(invariant_digests({"--kernels", "invariant"}), interleaved);
}

TEST(Audit, TheReferenceRunsBesideTheOthersWithWeightsOfItsOwn) {
  const TemporaryFolder folder;
  const Finished finished = run_program(tiny_audit(folder, {"--kernels", "reference,invariant"}));
  ASSERT_EQ(finished.status, 0) << finished.err;
  const Audit audit = stored(folder);
  EXPECT_EQ(audit.arms[0].facts.sum_order_class, "fp64");
  EXPECT_EQ(digests(audit, "reference").size(), digests(audit, "invariant").size());
}

TEST(Audit, ResumeIsRefusedWhenTheModelChanged) {
  const TemporaryFolder folder;
  const std::string model = folder / "model";
  std::filesystem::copy(RA_GOLDEN "/llama-tied-bf16", model);
  std::filesystem::permissions(model + "/model.safetensors", std::filesystem::perms::owner_all);
  std::vector<std::string> arguments = tiny_audit(folder, {});
  arguments[2] = model;
  ASSERT_EQ(run_program(arguments).status, 0);
  const std::vector<std::string> resume = {"run", "--resume", "latest", "--db", folder / "audits.sqlite"};
  EXPECT_EQ(run_program(resume).status, 0) << "a complete audit only reports again";

  std::fstream weights(model + "/model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  weights.seekp(-1, std::ios::end);
  weights.put('\x01');
  weights.close();
  const Finished refused = run_program(resume);
  EXPECT_EQ(refused.status, 8);
  EXPECT_THAT(refused.err, HasSubstr("; model's SHA-256 was "));
}

TEST(Audit, TheNightlyPolicyNeedsAControlThatFiredAndSaysSoLast) {
  const TemporaryFolder folder;
  const Finished finished =
      run_program(tiny_audit(folder, {"--kernels", "invariant", "--policy", "nightly"}));
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err,
              testing::EndsWith("repro-audit: policy nightly: the control did not fire: challenge none; "
                                "expected logits\n"));
  const Finished again = run_program({"report", "--json", "-", "--db", folder / "audits.sqlite"});
  EXPECT_THAT(again.out, testing::HasSubstr("\"exit_status\": 1"));
}

TEST(AuditLong, TheReportOfAThousandRunsTakesLessThanASecondAnd200Mebibytes) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = tiny_audit(folder, {"--quiet", "--ignore-eos"});
  *std::find(arguments.begin(), arguments.end(), "12") = "1000";
  *std::find(arguments.begin(), arguments.end(), "8") = "100";
  *std::find(arguments.begin(), arguments.end(), "1-6") = "1-32";
  ASSERT_EQ(run_program(arguments).status, 0);
  const Finished made = run_program({"report", "--html", folder / "report.html", "--json",
                                     folder / "report.json", "--db", folder / "audits.sqlite"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_LT(std::filesystem::file_size(folder / "report.html"), 400'000u);
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(made.cpu_seconds, 1);
  EXPECT_LT(made.peak_bytes, uint64_t{200} << 20);
#endif
}

}  // namespace
}  // namespace ra
