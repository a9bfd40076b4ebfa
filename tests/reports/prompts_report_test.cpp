#include "reports/prompts_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/json.h"
#include "tests/reports/example_set.h"
#include "tests/reports/golden_report.h"
#include "tests/reports/valid_formats.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PromptsReport, OfAnExampleEachFormatIsTheGoldenOne) {
  const PromptSet set = example_set();
  expect_golden("prompts.json", prompts_json(set));
  expect_golden("prompts.html", without_style(prompts_html(set)));
  expect_golden("prompts.junit.xml", prompts_junit(set));
  expect_golden("prompts.md", prompts_markdown(set));
  expect_golden("prompts.prom", prompts_prometheus(set));
  expect_golden("prompts.txt", prompts_text(set, 80, false));
}

TEST(PromptsReport, FollowsTheSchemasWhateverTheNames) {
  for (const bool hostile : {false, true}) {
    const PromptSet set = example_set(hostile);
    expect_valid_json(prompts_json(set), "prompts.schema.json");
    expect_valid_junit(prompts_junit(set));
    expect_valid_prometheus(prompts_prometheus(set));
  }
}

TEST(PromptsReport, WhatOthersWroteStaysInert) {
  const PromptSet set = example_set(true);
  for (const std::string& report :
       {prompts_html(set), prompts_markdown(set), prompts_junit(set), prompts_text(set, 80, true),
        prompts_prometheus(set), prompts_json(set)}) {
    EXPECT_THAT(report, Not(HasSubstr("\x1b]52"))) << report;
    EXPECT_THAT(report, Not(HasSubstr("\xff"))) << report;
    EXPECT_THAT(report, Not(HasSubstr("\u202e"))) << report;
  }
  for (const std::string& markup : {prompts_html(set), prompts_markdown(set), prompts_junit(set)}) {
    EXPECT_THAT(markup, Not(HasSubstr("<script"))) << markup;
    EXPECT_THAT(markup, Not(HasSubstr("<img"))) << markup;
  }
  EXPECT_THAT(prompts_markdown(set), HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;\\`&#124;"));
}

TEST(PromptsReport, TheTableHasALineAPromptAndFitsTheWidth) {
  const PromptSet set = example_set();
  for (const int width : {40, 60, 80, 120}) {
    std::istringstream lines(prompts_text(set, width, false));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), static_cast<size_t>(std::max(width, 51))) << line;
  }
  const std::string text = prompts_text(set, 80, false);
  EXPECT_THAT(text, HasSubstr("\nfeynman               diverged at 3, 3 streams     identical\n"));
  EXPECT_THAT(text, HasSubstr("\n! river               identical                    identical\n"));
  EXPECT_THAT(text, HasSubstr("\n? sum "));
}

TEST(PromptsReport, EachPromptIsASuiteWithItsFailures) {
  const std::string report = prompts_junit(example_set());
  EXPECT_THAT(report, HasSubstr("<testsuites tests=\"12\" failures=\"1\" errors=\"0\" skipped=\"4\""));
  EXPECT_THAT(report,
              HasSubstr("<testcase classname=\"repro-audit.river.audit\" name=\"require_challenge\""));
}

TEST(PromptsReport, OfTenThousandPromptsFitsAJobsSummary) {
  PromptSet set = example_set();
  set.prompts.resize(10'000, set.prompts.front());
  const std::string report = prompts_markdown(set);
  EXPECT_LT(report.size(), size_t{1} << 20);
  EXPECT_THAT(report, HasSubstr("The other prompts are in the JSON report."));
}

}  // namespace
}  // namespace ra
