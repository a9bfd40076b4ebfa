// The real program on a terminal, which script(1) makes: colour, progress and widths.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class OnATerminal : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_here("script")) GTEST_SKIP() << "bsdutils has script";
    ASSERT_EQ(run_program(tiny_audit(folder, {"--quiet"})).status, 0);
  }
  // What the program writes to a terminal of these variables, both streams together.
  std::string shown(const std::string& variables, const std::vector<std::string>& arguments) const {
    std::string line = RA_PROGRAM;
    for (const std::string& argument : arguments) line += " " + argument;
    const std::string path = folder.write("script", line + "\n");
    const std::string command = fmt::format(
        "env -i PATH=/usr/bin:/bin HOME='{0}' {1} script -qec 'sh {2}' /dev/null >'{0}/shown' </dev/null",
        folder.path(), variables, path);
    EXPECT_EQ(std::system(command.c_str()), 0) << line;
    std::ifstream file(folder / "shown", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::vector<std::string> show(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"show", "--db", folder / "audits.sqlite"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  TemporaryFolder folder;
};

constexpr const char* kBold = "\x1b[1m";

TEST_F(OnATerminal, ColourIsThereUnlessItIsNotWanted) {
  EXPECT_THAT(shown("TERM=xterm", show()), HasSubstr(kBold));
  EXPECT_THAT(shown("TERM=xterm NO_COLOR=", show()), HasSubstr(kBold)) << "an empty one says nothing";
  EXPECT_THAT(shown("TERM=xterm NO_COLOR=1", show()), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown("TERM=dumb", show()), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown("", show()), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown("TERM=xterm", show({"--color", "never"})), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(shown("TERM=xterm NO_COLOR=1", show({"--color", "always"})), HasSubstr(kBold));
  EXPECT_THAT(run_program(show()).out, Not(HasSubstr("\x1b["))) << "no terminal";
}

TEST_F(OnATerminal, LinesFitItsColumnsWhateverTheVariableSays) {
  for (const char* columns : {"60", "0", "-1", "1e9", "1000000000"}) {
    const size_t width = std::string(columns) == "60" ? 60 : 80;
    for (const std::vector<std::string>& verb : {show(), {"list", "--db", folder / "audits.sqlite"}}) {
      std::istringstream lines(shown(fmt::format("COLUMNS={}", columns), verb));
      for (std::string line; std::getline(lines, line);)
        EXPECT_LE(line.size(), width + 1) << columns << ": " << line;  // 1: the terminal's carriage return
    }
  }
}

TEST_F(OnATerminal, WhatIsLongSaysWhatItDoesInOneLineThatIsWrittenAgain) {
  const std::string said = shown("TERM=xterm", tiny_audit(folder, {}));
  for (const char* stage :
       {"hashing llama-tied-bf16", "loading weights", "certifying standard", "certifying invariant"})
    EXPECT_THAT(said, HasSubstr(stage));
  EXPECT_THAT(said, testing::ContainsRegex("\r[^\n]*runs: standard [0-9]+/12, invariant [0-9]+/12"));
  EXPECT_THAT(shown("TERM=xterm", {"model", RA_GOLDEN "/llama-tied-bf16", "--check"}),
              HasSubstr("checking ["));
  EXPECT_THAT(shown("TERM=xterm", {"trend", "--db", folder / "audits.sqlite"}),
              HasSubstr("reading audit 1 of "));
}

}  // namespace
}  // namespace ra
