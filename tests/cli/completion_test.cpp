// The completions offer what the program takes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

// What bash offers for a line whose last word is being typed.
std::set<std::string> offered(const TemporaryFolder& folder, const std::vector<std::string>& words) {
  std::string line = "COMP_WORDS=('" RA_PROGRAM "'";
  for (const std::string& word : words) line += " '" + word + "'";
  const std::string script = folder.write(
      "script", fmt::format("source '{}/cli/completion/repro-audit.bash'\n{})\nCOMP_CWORD={}\n_repro_audit\n"
                            "printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
                            RA_SOURCE, line, words.size()));
  const std::string command = fmt::format(
      "env -i PATH=/usr/bin:/bin HOME='{0}' XDG_DATA_HOME='{0}/data' bash -eu '{1}' >'{0}/offered' 2>&1",
      folder.path(), script);
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::set<std::string> found;
  std::ifstream file(folder / "offered");
  for (std::string word; std::getline(file, word);) found.insert(word);
  found.erase("");
  return found;
}

TEST(Completion, OffersCommandsTheirOptionsAndKnownWords) {
  const TemporaryFolder folder;
  EXPECT_THAT(offered(folder, {""}), IsSupersetOf({"run", "list", "trend", "db"}));
  EXPECT_EQ(offered(folder, {"tok"}), std::set<std::string>{"tokenize"});
  EXPECT_THAT(offered(folder, {"run", "--"}), IsSupersetOf({"--prompt", "--runs", "--events", "--policy"}));
  EXPECT_THAT(offered(folder, {"list", "--"}), Not(Contains("--prompt")));
  EXPECT_EQ(offered(folder, {"run", "--prompt", "x", "--bat"}), std::set<std::string>{"--batch-sizes"});
  EXPECT_EQ(offered(folder, {"run", "--profile", "q"}), std::set<std::string>{"quick"});
  EXPECT_THAT(offered(folder, {"db", ""}), Contains("check"));
  EXPECT_EQ(offered(folder, {"db", "check", "--js"}), std::set<std::string>{"--json"});
  EXPECT_THAT(offered(folder, {"run", "--device", ""}), IsSupersetOf({"auto", "cpu"}));
}

TEST(Completion, OffersTheIdsThatThereAre) {
  const TemporaryFolder folder;
  EXPECT_EQ(offered(folder, {"show", ""}), std::set<std::string>{"latest"});
  EXPECT_EQ(offered(folder, {"evidence", "create", ""}), std::set<std::string>{"latest"});
  std::vector<std::string> arguments = tiny_audit(folder, {"--kernels", "invariant"});
  std::filesystem::create_directories(folder / "data/repro-audit");
  arguments[6] = folder / "data/repro-audit/audits.sqlite";
  ASSERT_EQ(run_program(arguments).status, 0);
  EXPECT_EQ(offered(folder, {"show", ""}).size(), 2u);
}

// The words that the script knows by itself are those that the program names when it refuses another.
TEST(Completion, KnowsTheWordsOfTheRefusals) {
  const TemporaryFolder folder;
  for (const char* option : {"--policy", "--profile", "--strata", "--logits", "--color", "--kernels"}) {
    const Finished refused = run_program(tiny_audit(folder, {option, "zzzzzzzzzzzz"}));
    ASSERT_EQ(refused.status, 2) << option;
    std::string listed = refused.err.substr(refused.err.find("; expected ") + 11);
    if (const size_t at = listed.find("one of "); at != listed.npos) listed = listed.substr(at + 7);
    const std::set<std::string> words = offered(folder, {"run", option, ""});
    std::istringstream parts(listed);
    for (std::string word; parts >> word;) {
      if (word == "or") continue;
      while (!word.empty() && (word.back() == ',' || word.back() == '\n')) word.pop_back();
      EXPECT_THAT(words, Contains(word)) << option << ": " << refused.err;
    }
  }
}

// The lines that a script of another shell prints, in a home of its own; nothing where there is no such shell.
std::set<std::string> lines_of(const std::string& shell, const std::string& script) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "bin");
  std::filesystem::create_symlink(RA_PROGRAM, folder / "bin/repro-audit");
  const std::string command =
      fmt::format("env -i PATH='{0}/bin:/usr/bin:/bin' HOME='{0}' {1} '{2}' >'{0}/said' 2>&1", folder.path(),
                  shell, folder.write("script", script));
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::set<std::string> found;
  std::ifstream file(folder / "said");
  for (std::string line; std::getline(file, line);) found.insert(line.substr(0, line.find('\t')));
  return found;
}

TEST(Completion, OfZshOffersTheSame) {
  if (!is_here("zsh")) GTEST_SKIP() << "no zsh here";
  const auto offers = [](const std::string& words, int current) {
    return lines_of("zsh -f",
                    fmt::format("compadd() {{ shift; print -rl -- \"$@\" }}\n_files() {{ }}\nwords=({})\n"
                                "CURRENT={}\nsource '{}/cli/completion/_repro-audit'\n",
                                words, current, RA_SOURCE));
  };
  EXPECT_THAT(offers("repro-audit ''", 2), IsSupersetOf({"run", "list", "doctor"}));
  EXPECT_THAT(offers("repro-audit list --js", 3), Contains("--json"));
  EXPECT_THAT(offers("repro-audit list --js", 3), Not(Contains("--prompt")));
  EXPECT_THAT(offers("repro-audit db ''", 3), Contains("check"));
  EXPECT_THAT(offers("repro-audit run --profile ''", 4), IsSupersetOf({"quick", "evidence"}));
  EXPECT_THAT(offers("repro-audit show ''", 3), Contains("latest"));
  EXPECT_THAT(offers("repro-audit evidence create ''", 4), Contains("latest"));
  EXPECT_THAT(offers("repro-audit evidence verify ''", 4), Not(Contains("latest")));
}

TEST(Completion, OfFishOffersTheSame) {
  if (!is_here("fish")) GTEST_SKIP() << "no fish here";
  const auto offers = [](const std::string& line) {
    return lines_of(
        "fish --no-config",
        fmt::format("source '{}/cli/completion/repro-audit.fish'\ncomplete -C '{}'\n", RA_SOURCE, line));
  };
  EXPECT_THAT(offers("repro-audit "), IsSupersetOf({"run", "list", "doctor"}));
  EXPECT_EQ(offers("repro-audit list --js"), std::set<std::string>{"--json"});
  EXPECT_THAT(offers("repro-audit db ch"), Contains("check"));
  EXPECT_THAT(offers("repro-audit show la"), Contains("latest"));
  EXPECT_THAT(offers("repro-audit evidence create la"), Contains("latest"));
}

}  // namespace
}  // namespace ra
