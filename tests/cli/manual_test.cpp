// The manual pages and the help texts say what the program does: the same options, and examples that work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <regex>
#include <set>

#include "core/llm/chat.h"
#include "core/llm/family.h"
#include "core/llm/tensor_type.h"
#include "core/llm/tokenizer_definition.h"
#include "tests/cli/program.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

const std::vector<std::vector<std::string>> kVerbs = {{"run"},
                                                      {"list"},
                                                      {"show"},
                                                      {"report"},
                                                      {"trend"},
                                                      {"doctor"},
                                                      {"model"},
                                                      {"devices"},
                                                      {"tokenize"},
                                                      {"db", "check"},
                                                      {"db", "prune"},
                                                      {"export"},
                                                      {"import"},
                                                      {"compare"},
                                                      {"baseline", "set"},
                                                      {"baseline", "list"},
                                                      {"baseline", "show"},
                                                      {"baseline", "rm"},
                                                      {"evidence", "create"},
                                                      {"evidence", "verify"},
                                                      {"evidence", "attach"}};

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string manual(const std::string& page) {
  return content(std::string(RA_SOURCE) + "/man/" + page);
}

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.insert((*at)[1]);
  return found;
}

std::string help_of(std::vector<std::string> verb) {
  verb.push_back("--help");
  const Finished help = run_program(verb);
  EXPECT_EQ(help.status, 0) << help.err;
  return help.out;
}

// The options that a help text declares: its lines that begin with one.
std::set<std::string> declared(const std::string& help) {
  return matches(help, std::regex(R"re((?:^|\n)\s+(?:-\w,)?--([a-z][a-z-]*))re"));
}

TEST(Manual, HasEveryOptionOfTheHelpAndNoOther) {
  std::set<std::string> options = declared(help_of({}));
  for (const std::vector<std::string>& verb : kVerbs) options.merge(declared(help_of(verb)));
  options.erase("help");
  EXPECT_GT(options.size(), 30u);
  EXPECT_EQ(matches(manual("repro-audit.1"), std::regex(R"re(\\-([a-z][a-z-]*))re")), options);
}

// kVerbs is every command that help lists, and every one below it.
TEST(Manual, ChecksEveryVerb) {
  const auto listed = [](const std::string& help) {
    const size_t begin = help.find("\nSubcommands:\n");
    return begin == std::string::npos ? std::set<std::string>()
                                      : matches(help.substr(begin, help.find("\n\n", begin) - begin),
                                                std::regex(R"re(\n  (\w+))re"));
  };
  std::set<std::string> verbs, checked;
  for (const std::string& verb : listed(help_of({}))) {
    const std::set<std::string> below = listed(help_of({verb}));
    if (below.empty()) verbs.insert(verb);
    for (const std::string& word : below) verbs.insert(verb + " " + word);
  }
  for (const std::vector<std::string>& verb : kVerbs)
    checked.insert(verb[0] + (verb.size() > 1 ? " " + verb[1] : ""));
  EXPECT_EQ(checked, verbs);
}

TEST(Manual, HasEveryVerb) {
  const std::string help = help_of({});
  for (const std::vector<std::string>& verb : kVerbs) {
    EXPECT_THAT(help, HasSubstr("\n  " + verb[0] + " "));
    EXPECT_THAT(manual("repro-audit.1"), HasSubstr("\n.Ss " + verb[0]));
  }
}

TEST(Manual, TheExamplesOfTheHelpAreTakenAsTyped) {
  const TemporaryFolder folder;
  int examples = 0;
  for (const std::vector<std::string>& verb : kVerbs) {
    const std::string help = help_of(verb);
    EXPECT_THAT(help, HasSubstr("Example"));
    for (const std::string& line :
         matches(help, std::regex(R"re(\n  (?:echo .*\| )?repro-audit ([^\n]*))re"))) {
      ++examples;
      std::vector<std::string> arguments;
      std::istringstream words(line);
      for (std::string word; words >> word;) arguments.push_back(word);
      const Finished finished = launch_program(
          {.arguments = arguments, .environment = {{"REPRO_AUDIT_MODEL", folder / "absent.gguf"}}});
      // Files of the examples are not here; what must not happen is a complaint about the line itself.
      EXPECT_EQ(finished.err.find("--help"), std::string::npos) << line << "\n" << finished.err;
      EXPECT_NE(finished.status, 2) << line << "\n" << finished.err;
    }
  }
  EXPECT_GE(examples, 8);
}

std::string words_of(const std::string& text) {
  std::istringstream stream(text);
  std::string joined;
  for (std::string word; stream >> word;) joined += word + ' ';
  return joined;
}

TEST(Manual, HelpFitsTheTerminalWithoutLosingAWord) {
  for (const std::vector<std::string>& verb : kVerbs) {
    std::vector<std::string> arguments = verb;
    arguments.emplace_back("--help");
    const auto help_in = [&](const std::string& columns) {
      return launch_program({.arguments = arguments, .environment = {{"COLUMNS", columns}}}).out;
    };
    const std::string wide = help_in("400");
    for (const size_t columns : {60, 80}) {
      const std::string help = help_in(std::to_string(columns));
      EXPECT_EQ(words_of(help), words_of(wide)) << verb[0];
      std::istringstream lines(help.substr(0, columns == 80 ? help.size() : help.find("\nExample")));
      for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), columns) << line;
    }
  }
}

// What stands below a heading, up to the next.
std::string section(const std::string& page, const std::string& heading) {
  const size_t begin = page.find(heading + "\n");
  EXPECT_NE(begin, std::string::npos) << heading;
  if (begin == std::string::npos) return "";
  const size_t after = begin + heading.size();
  return page.substr(after, page.find("\n.S", after) - after);
}

TEST(Manual, HasEveryFamilyAndNoOther) {
  const std::string text = section(manual("repro-audit.1"), ".Ss Families");
  std::set<std::string> names, architectures;
  for (const Family& family : families()) {
    names.insert(family.name);
    architectures.insert(family.architecture);
  }
  EXPECT_EQ(matches(text, std::regex(R"re(\n\.It Cm (\w+))re")), names);
  EXPECT_EQ(matches(text, std::regex(R"re((\w+ForCausalLM))re")), architectures);
}

TEST(Manual, HasEveryTypeAndNoOther) {
  const std::string text = section(manual("repro-audit.1"), ".Ss Types");
  std::set<std::string> names;
  for (const TensorType type : tensor_types()) names.insert(type_name(type));
  EXPECT_EQ(matches(text, std::regex(R"re(\b([A-Z]+\d+(?:_\w+)?)\b)re")), names);
}

TEST(Manual, HasEveryPreTokenizerAndChatFormatAndNoOther) {
  const std::string page = manual("repro-audit.1");
  std::string listed = section(page, ".Ss Tokenizers");
  listed = listed.substr(listed.find(".Va tokenizer.ggml.pre"));
  listed = listed.substr(0, listed.find("\n.It"));
  const std::vector<std::string> known = gguf_pre_tokenizer_names();
  std::set<std::string> names;
  std::istringstream lines(listed.substr(listed.find("\n.Cm")));
  for (std::string word; lines >> word;) {
    if (word != ".Cm" && word != "," && word != ".") names.insert(word);
  }
  EXPECT_EQ(names, std::set<std::string>(known.begin(), known.end()));

  std::set<std::string> formats;
  for (const ChatFormat format : kChatFormats) formats.insert(name_of(format));
  EXPECT_EQ(matches(section(page, ".Ss Chat formats"), std::regex(R"re(\n\.It\n([^,\n]+))re")), formats);
}

TEST(Manual, PagesAreCleanMdoc) {
  if (!is_here("mandoc")) GTEST_SKIP() << "mandoc is not installed";
  for (const auto& page : std::filesystem::directory_iterator(std::string(RA_SOURCE) + "/man")) {
    // Our own pages are not installed, so that references to them are not found.
    const std::string command =
        "mandoc -T lint " + page.path().string() + " | grep -v 'STYLE: referenced manual not found' >&2";
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 1) << page.path();
  }
}

TEST(Manual, TheVersionNamesDevicesKernelSetsAndClasses) {
  const Finished version = run_program({"--version"});
  EXPECT_EQ(version.status, 0);
  for (const char* part :
       {"repro-audit 0.", "device cpu", "kernel set standard", "opaque", "kernel set invariant",
        "cpu-fma512/1", "kernel set reference", "fp64", "SQLite 3.", "OpenBLAS"}) {
    EXPECT_THAT(version.out, HasSubstr(part));
  }
}

}  // namespace
}  // namespace ra
