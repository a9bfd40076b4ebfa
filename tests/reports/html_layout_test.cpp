// How large pages are, and what a browser makes of them (check_layout.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <limits>
#include <regex>

#include "reports/comparison_report.h"
#include "reports/html_filing.h"
#include "reports/prompts_report.h"
#include "reports/report.h"
#include "reports/trend.h"
#include "tests/reports/example_set.h"
#include "tests/support/example_audit.h"
#include "tests/support/golden.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

constexpr size_t kLargestPage = 400'000;

std::string report_of(const Audit& audit) {
  return html_report(audit, analyze(audit));
}

TEST(HtmlLayout, APageOfAThousandRunsInAHundredStreamsIsSmall) {
  const Audit audit = example_of_a_hundred_streams();
  const Finding finding = analyze(audit);
  ASSERT_GE(finding.arms[0].distinct_streams, 99);
  const std::string page = html_report(audit, finding);
  EXPECT_LT(page.size(), kLargestPage);
  EXPECT_THAT(page, testing::HasSubstr("the 20 largest of "));
  EXPECT_LT(report_of(example_audit({.runs = 1000, .max_tokens = 1000})).size(), kLargestPage);
}

TEST(HtmlLayout, ADatabasesNumbersThatAreNoneDrawNothingOdd) {
  Audit audit = example_audit({.runs = 60});
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                       1e38F};
  size_t next = 0;
  for (Stream& stream : audit.streams) {
    for (size_t i = 1; i < stream.steps.size(); i += 3) stream.steps[i].accumulator[0] = odd[next++ % 3];
  }
  const std::string page = report_of(audit);
  std::smatch found;
  EXPECT_FALSE(
      std::regex_search(page, found, std::regex(R"re( (d|[xy][12]?|c[xy])="[^"]*(nan|inf)[^"]*")re")))
      << found[0];
}

// What check_layout.py says of the pages.
struct Looked {
  int status = 0;  // 77: there is no browser
  std::string text;
};
Looked look_at(const TemporaryFolder& folder, const std::string& files) {
  const std::string command = "cd '" + folder.path() +
                              "' && python3 " RA_SOURCE "/tests/reports/check_layout.py " + files +
                              " >said 2>&1";
  const int status = WEXITSTATUS(std::system(command.c_str()));
  return {status, read_file(folder / "said")};
}

void expect_sound(const TemporaryFolder& folder, const std::string& files) {
  const Looked looked = look_at(folder, files);
  if (looked.status == 77) GTEST_SKIP() << looked.text;
  EXPECT_EQ(looked.status, 0) << looked.text;
}

TEST(HtmlLayout, ABrowserFindsNoOverflowOverlapOrLowContrast) {
  const TemporaryFolder folder;
  folder.write("parted.html", report_of(example_audit({.runs = 200})));
  const auto [a, b] = example_update();
  const Finding a_finding = analyze(a), b_finding = analyze(b);
  folder.write("compared.html", html_comparison({a, "baseline nightly"}, a_finding, {b, "audit latest"},
                                                b_finding, compare(a, a_finding, b, b_finding)));
  expect_sound(folder, "parted.html compared.html");
}

TEST(HtmlLayout, TheCheckFindsWhatIsWrong) {
  const TemporaryFolder folder;
  folder.write(
      "bad.html",
      "<!DOCTYPE html><html lang=\"en\"><head><title>bad</title></head><body><h3>x</h3><div "
      "style=\"width:2000px\">wide</div><svg viewBox=\"0 0 100 50\" width=\"100\"><text x=\"5\" "
      "y=\"20\">one</text><text x=\"7\" y=\"21\">two</text></svg><p style=\"color:#ccc;background:#fff\">"
      "faint</p><table><tr><th>a</th></tr></table><img src=\"file:///absent.png\"></body></html>");
  const Looked looked = look_at(folder, "bad.html");
  if (looked.status == 77) GTEST_SKIP() << looked.text;
  EXPECT_EQ(looked.status, 1);
  for (const char* problem : {"pixels wide", "\"one\" and \"two\" overlap", "a drawing without a name",
                              "contrast ", "has no scope", "skips a level", "asks for file:///absent.png"})
    EXPECT_THAT(looked.text, testing::HasSubstr(problem));
}

TEST(HtmlLayoutLong, OfEveryKindOfPageIsSound) {
  const TemporaryFolder folder;
  folder.write("quiet.html", report_of(example_audit({.runs = 100, .parts = false})));
  folder.write("unfinished.html", report_of(example_audit({.runs = 300, .finished = false})));
  folder.write("hostile.html", report_of(example_audit({.runs = 100, .hostile = true})));
  folder.write("streams.html", report_of(example_of_a_hundred_streams()));
  folder.write("long.html", report_of(example_audit({.runs = 100, .max_tokens = 1000})));
  Trend trend{"model.gguf", std::string(64, 'a'), "Explain rivers.", std::string(64, 'b'), {}};
  for (int32_t night = 0; night < 30; ++night) {
    const Audit audit = example_audit({.runs = 40 + night, .parts = night % 7 != 0});
    trend.entries.push_back(trend_entry(audit, analyze(audit)));
  }
  folder.write("trend.html", trend_html(trend));
  const Audit filed = example_audit({.runs = 100, .hostile = true});
  const ClauseList clauses{"1",
                           {{"NIST AI RMF 1.0", "MEASURE 2.5", "validity", "Rates.", {"Random trials"}}}};
  folder.write("filing.html", filing_report(filed, analyze(filed),
                                            {.responsible = {{"Ada Example", "operator"}},
                                             .key_id = std::string(64, 'e'),
                                             .run_chain_head = std::string(64, 'd'),
                                             .clauses = clauses}));
  folder.write("prompts.html", prompts_html(example_set()));
  folder.write("hostile_prompts.html", prompts_html(example_set(true)));
  expect_sound(folder,
               "filing.html quiet.html unfinished.html hostile.html streams.html long.html trend.html "
               "prompts.html hostile_prompts.html");
}

}  // namespace
}  // namespace ra
