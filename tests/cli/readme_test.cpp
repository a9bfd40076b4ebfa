// Every command of README's "How do I", in its order, with a tiny model in place of the reader's.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The lines of the fenced blocks of shell below a heading, up to the next.
std::vector<std::string> commands_below(const std::string& page, const std::string& heading) {
  const size_t begin = page.find("\n" + heading + "\n");
  if (begin == std::string::npos) return {};
  std::istringstream lines(page.substr(begin, page.find("\n## ", begin + 1) - begin));
  std::vector<std::string> commands;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside && !line.empty()) {
      commands.push_back(line);
    }
  }
  return commands;
}

TEST(Readme, EveryHowDoIIsTakenAsTypedAndDoesIt) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "bin");
  // The tiny model has no chat format and little context: texts are raw, and runs few and short.
  const std::string program =
      folder.write("bin/repro-audit",
                   "#!/bin/bash\nverb=$1\nshift\nmore=()\n"
                   "if [[ $verb = run && \" $* \" != *' --resume '* ]]; then\n"
                   "  more=(--raw --max-tokens 8 --batch-sizes 1-6)\n"
                   "  [[ \" $* \" = *' -n '* ]] || more+=(-n 12)\nfi\n"
                   "[[ $verb != report ]] || [[ \" $* \" != *' --filing '* ]] || more+=(--clauses '" RA_SOURCE
                   "/reports/clauses.toml')\n"
                   "exec '" RA_PROGRAM "' \"$verb\" \"${more[@]}\" \"$@\"\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  folder.write("prompt.txt", "Name a river.\n");
  folder.write("prompts.jsonl",
               "{\"id\": \"river\", \"prompt\": \"Name a river.\"}\n"
               "{\"id\": \"sum\", \"prompt\": \"What is 2 + 2?\"}\n");

  const std::string page = content(RA_SOURCE "/README.md");
  const std::vector<std::string> commands = commands_below(page, "## How do I");
  size_t questions = 0;
  for (size_t at = 0; (at = page.find("?**", at)) != std::string::npos; ++at) ++questions;
  EXPECT_GE(questions, 10u);
  ASSERT_GE(commands.size(), questions);
  for (const std::string& command : commands) {
    const std::string script = folder.write("script", command + "\n");
    const int state = std::system(
        fmt::format(
            "cd '{0}' && env -i HOME='{0}' PATH='{0}/bin:/usr/bin:/bin' REPRO_AUDIT_MODEL='{1}' bash -eu "
            "'{2}' >said 2>&1",
            folder.path(), RA_GOLDEN "/llama-tied-bf16", script)
            .c_str());
    const std::string said = content(folder / "said");
    // Whether the control fires is for this processor's OpenBLAS to say.
    const bool vacuous = WEXITSTATUS(state) == 1 && command.find("--policy nightly") != std::string::npos;
    if (vacuous) {
      EXPECT_THAT(said,
                  HasSubstr("policy nightly: the control did not fire: challenge none; expected logits"))
          << command;
    } else {
      EXPECT_EQ(WEXITSTATUS(state), 0) << command << "\n" << said;
    }
  }
  for (const char* file : {"report.html", "prompts.html", "again.html", "again.json", "audit.xml", "audit.md",
                           "audit.prom", "changes.html", "trend.html", "audit.jsonl.gz", "filing.html"})
    EXPECT_TRUE(std::filesystem::exists(folder / file)) << file;
}

}  // namespace
}  // namespace ra
