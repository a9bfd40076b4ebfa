// The real program refuses what cannot be meant: one line on stderr, its exit status, nothing on stdout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The one line on stderr, without its beginning and its newline.
std::string launch_refusal(int status, const Launch& launch) {
  const Finished finished = launch_program(launch);
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  const std::string begin = "repro-audit: error: ";
  EXPECT_THAT(finished.err, StartsWith(begin));
  return finished.err.size() > begin.size()
             ? finished.err.substr(begin.size(), finished.err.size() - begin.size() - 1)
             : "";
}
std::string refusal(int status, const std::vector<std::string>& arguments) {
  return launch_refusal(status, Launch{.arguments = arguments});
}

TEST(Usage, AnUnknownCommandOrOptionSuggestsTheNearest) {
  EXPECT_THAT(refusal(2, {}), StartsWith("no command; expected one of run, "));
  EXPECT_THAT(refusal(2, {"rnu"}), HasSubstr("perhaps run"));
  EXPECT_EQ(refusal(2, {"run", "--rnus", "3"}),
            "unknown option --rnus; expected one of `repro-audit run --help`, perhaps --runs");
  EXPECT_EQ(refusal(2, {"run", "--batch-size=3"}),
            "unknown option --batch-size; expected one of `repro-audit run --help`, perhaps --batch-sizes");
  EXPECT_THAT(refusal(2, {"--verison"}), HasSubstr("perhaps --version"));
  EXPECT_THAT(refusal(2, {"list", "extra"}), HasSubstr("unexpected \"extra\""));
}

TEST(Usage, AWordThatIsNoneOfTheKnownSuggestsTheNearest) {
  const TemporaryFolder folder;
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--kernels", "standrad"}, "perhaps standard"}, {{"--profile", "quik"}, "perhaps quick"},
      {{"--strata", "rows,chnuk"}, "perhaps chunk"},   {{"--logits", "fp23"}, "perhaps fp32"},
      {{"--policy", "nightyl"}, "perhaps nightly"},    {{"--color", "nevre"}, "perhaps never"},
  };
  for (const auto& [options, suggestion] : cases)
    EXPECT_THAT(refusal(2, tiny_audit(folder, options)), testing::EndsWith(suggestion)) << options[1];
  EXPECT_THAT(refusal(4, tiny_audit(folder, {"--device", "cpu:avx22"})), HasSubstr("perhaps cpu:avx2"));
}

TEST(Usage, AnOptionTwiceOrWithoutItsValueIsRefused) {
  EXPECT_EQ(refusal(2, {"run", "-n", "1", "--runs", "2"}), "--runs is given 2 times; expected once");
  EXPECT_EQ(refusal(2, {"run", "--quiet", "--quiet"}), "--quiet is given 2 times; expected once");
  EXPECT_THAT(refusal(2, {"run", "--prompt"}), HasSubstr("--prompt"));
}

TEST(Usage, NumbersAreDecimalAndWhole) {
  for (const char* number : {"0", "-1", "1e3", "99999999999999999999", "0x10", " 5", "\xef\xbc\x95", ""}) {
    EXPECT_THAT(refusal(2, {"run", "-n", number}), StartsWith("--runs: found \"")) << number;
  }
  EXPECT_THAT(refusal(2, {"run", "--threads", "0"}), StartsWith("--threads: "));
  EXPECT_THAT(refusal(2, {"run", "--seed", "18446744073709551616"}), StartsWith("--seed: "));
}

TEST(Usage, TheModelMustBeNamedSomewhere) {
  EXPECT_THAT(refusal(2, {"run", "--prompt", "-"}),
              StartsWith("no model; expected --model PATH, $REPRO_AUDIT_MODEL"));
}

TEST(Usage, AModelOrPromptThatIsNotThereIsBadInput) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(3, {"run", "--model", folder / "absent.gguf", "--prompt", "-"}),
              HasSubstr("absent.gguf"));
  std::vector<std::string> arguments = tiny_audit(folder, {});
  arguments[4] = folder / "absent.json";
  EXPECT_THAT(refusal(3, arguments), HasSubstr("absent.json: No such file"));
}

TEST(Usage, TokenIdsAreCheckedAgainstTheModel) {
  const TemporaryFolder folder;
  for (const char* ids :
       {"[640]", "[-1]", "[1.0]", "[]", "{}", "[\"1\"]", "[1] x", "[18446744073709551616]"}) {
    std::vector<std::string> arguments = tiny_audit(folder, {});
    arguments[4] = folder.write("bad.json", ids);
    EXPECT_THAT(refusal(3, arguments), StartsWith(arguments[4])) << ids;
  }
}

TEST(Usage, PromptTextIsUtf8WithoutMarksThatAreNotSeen) {
  const TemporaryFolder folder;
  const auto prompt = [&](const std::string& text) {
    return launch_refusal(3, Launch{.arguments = {"run", "--model", RA_GOLDEN "/llama-tied-bf16", "--raw",
                                                  "--prompt", "-", "--db", folder / "audits.sqlite"},
                                    .input = text});
  };
  EXPECT_THAT(prompt("\xff"), StartsWith("standard input@0: line 1: byte 0xff is not UTF-8;"));
  EXPECT_THAT(prompt("\xef\xbb\xbfHello"), HasSubstr("line 1: a byte order mark"));
  EXPECT_THAT(prompt("one\r\ntwo\r\n"), HasSubstr("line 1: a carriage return"));
  EXPECT_THAT(prompt(std::string("one\ntwo\0", 8)), HasSubstr("line 2: a NUL"));
  EXPECT_THAT(prompt(""), HasSubstr("empty"));
  EXPECT_THAT(prompt(std::string(600, '^')), HasSubstr("context"));
  EXPECT_THAT(prompt(std::string(10 << 20, '^')), HasSubstr("larger"));
}

TEST(Usage, AModelWithoutAChatFormatOffersRaw) {
  const TemporaryFolder folder;
  const std::string message =
      launch_refusal(3, Launch{.arguments = {"run", "--model", RA_GOLDEN "/llama-tied-bf16", "--prompt", "-",
                                             "--db", folder / "audits.sqlite"},
                               .input = "Hello"});
  EXPECT_THAT(message, HasSubstr("or --raw"));
}

TEST(Usage, OutputFilesThatCannotBeMeantAreRefusedBeforeAnythingRuns) {
  const TemporaryFolder folder;
  const std::string existing = folder.write("existing", "kept");
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--json", folder.path()})), HasSubstr("a directory"));
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--html", existing})), HasSubstr("the file exists"));
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--html", folder / "ids.json", "--force"})),
              HasSubstr("also an input"));
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--html", "-", "--json", "-"})), HasSubstr("the same file"));
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--events", existing})), HasSubstr("the file exists"));
  EXPECT_THAT(refusal(2, tiny_audit(folder, {"--events", "-", "--json", "-"})), HasSubstr("the same file"));
  EXPECT_THAT(refusal(6, tiny_audit(folder, {"--json", folder / "absent/report"})),
              HasSubstr("a folder that can be"));
  EXPECT_FALSE(std::filesystem::exists(folder / "audits.sqlite")) << "no database is made for a mistake";
}

TEST(Usage, AMistakeInTheConfigurationNamesFileAndLine) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "repro-audit");
  const std::string path = folder.write("repro-audit/config.toml", "\nmodle = 'x'\n");
  const std::string message =
      launch_refusal(2, Launch{.arguments = {"list"}, .environment = {{"XDG_CONFIG_HOME", folder.path()}}});
  EXPECT_THAT(message, StartsWith(path + ":2: unknown key \"modle\""));
}

TEST(Usage, WithoutAHomeADatabaseMustBeNamed) {
  EXPECT_THAT(launch_refusal(2, Launch{.arguments = {"list"}, .environment = {{"HOME", std::nullopt}}}),
              HasSubstr("--db FILE"));
  EXPECT_THAT(refusal(2, {"list", "--db", ""}), HasSubstr("--db"));
}

TEST(StandardStreams, OutputThatCannotBeWrittenIsAStorageError) {
  EXPECT_EQ(launch_program({.arguments = {"--version"}, .closed = {1}}).status, 6);
  const Finished full = launch_program({.arguments = {"--version"}, .stdout_path = "/dev/full"});
  EXPECT_EQ(full.status, 6);
  EXPECT_THAT(full.err, HasSubstr("standard output: No space left on device"));
}

TEST(StandardStreams, AReaderThatWentAwayEndsTheProgramQuietly) {
  const TemporaryFolder folder;
  const std::string command =
      std::string(RA_PROGRAM) + " --version 2>" + (folder / "err") + " | true; exit ${PIPESTATUS[0]}";
  const int state = std::system(("bash -c '" + command + "'").c_str());
  EXPECT_TRUE(WEXITSTATUS(state) == 128 + SIGPIPE || WEXITSTATUS(state) == 0) << WEXITSTATUS(state);
  EXPECT_EQ(std::filesystem::file_size(folder / "err"), 0u);
}

TEST(StandardStreams, ClosedOnesAreReservedBeforeAnyFileGetsTheirNumber) {
  const TemporaryFolder folder;
  const Finished finished =
      launch_program({.arguments = tiny_audit(folder, {"--json", folder / "report.json"}), .closed = {0, 2}});
  EXPECT_EQ(finished.status, 0);
  EXPECT_THAT(finished.out, HasSubstr("invariant"));
  const Finished listed =
      launch_program({.arguments = {"list", "--db", folder / "audits.sqlite"}, .closed = {0, 2}});
  EXPECT_THAT(listed.out, HasSubstr("complete"))
      << "nothing was written into the database through descriptor 2";
}

TEST(Environment, TerminalAndLocaleDoNotChangeWhatIsReported) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const std::vector<std::string> report = {"report", "--json", "-", "--db", folder / "audits.sqlite"};
  const Finished plain = launch_program({.arguments = report});
  ASSERT_EQ(plain.status, 0) << plain.err;
  for (const auto& [name, value] : std::map<std::string, std::string>{{"TERM", "dumb"},
                                                                      {"COLUMNS", "0"},
                                                                      {"COLUMNS", "-1"},
                                                                      {"COLUMNS", "1000000000"},
                                                                      {"LC_ALL", "C"},
                                                                      {"LC_NUMERIC", "de_DE.UTF-8"},
                                                                      {"LC_ALL", "de_DE.UTF-8"},
                                                                      {"TZ", "Pacific/Chatham"}}) {
    const Finished other = launch_program({.arguments = report, .environment = {{name, value}}});
    EXPECT_EQ(other.out, plain.out) << name << "=" << value;
  }
}

}  // namespace
}  // namespace ra
