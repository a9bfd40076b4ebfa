#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <regex>
#include <set>

#include "reports/html_filing.h"
#include "reports/html_page.h"
#include "tests/support/example_audit.h"
#include "tests/support/golden.h"
#include "tests/support/is_here.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kKey(64, 'e'), kHead(64, 'd');

FilingDetails example_details() {
  return {.responsible = {{"Ada Example", "operator"}, {"Bo Example", "reviewer"}},
          .key_id = kKey,
          .run_chain_head = kHead,
          .clauses = {"2026-11",
                      {{"NIST AI RMF 1.0",
                        "MEASURE 2.5",
                        "validity",
                        "Repeats and rates.",
                        {"Random trials", "Limits"}}}}};
}

FilingDetails hostile_details() {
  const std::string bad = "</td><script>alert(3)</script>\x1b]52;c;AAAA\x07\u202e\xff";
  return {.responsible = {{bad, bad}},
          .key_id = bad,
          .run_chain_head = bad,
          .clauses = {bad, {{bad, bad, bad, bad, {bad}}}}};
}

std::string filing_of(const Audit& audit, const FilingDetails& details = example_details()) {
  return filing_report(audit, analyze(audit), details);
}

TEST(FilingReport, HasACoverTheMethodsAndTheClauses) {
  const Audit audit = example_audit({.runs = 60});
  const std::string page = filing_of(audit);
  for (const std::string& part :
       {std::string("<dt>Model</dt><dd>"), audit.subject.model_sha256,
        std::string("<dt>Date</dt><dd>begun 2026-11-22T08"),
        std::string("<th scope=\"row\" class=\"break\">Bo Example</th><td class=\"break\">reviewer</td>"),
        std::string("<dt>Verdict on invariant</dt><dd><b>identical</b>; 60 of 60 runs equal solo"),
        std::string("<b>default</b>: 1 of 1 rule met"), kKey, kHead, std::string("<h2>Limits</h2>"),
        std::string("<h2>Methods</h2>"), std::string("<h2>Definitions</h2>"), std::string("<h2>Clauses</h2>"),
        std::string("by version 2026-11 of the list")})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_LT(page.find("Tested: repro-audit&#39;s own engine"), page.find("<h1>"));
  EXPECT_EQ(page, filing_of(audit)) << "the same values, the same bytes";
}

TEST(FilingReport, HoldsNothingTwiceAndNothingFolded) {
  const std::string page = filing_of(example_audit({.runs = 60}));
  EXPECT_THAT(page, Not(HasSubstr("<details>")));
  EXPECT_THAT(page, HasSubstr("<details open=\"\">"));
  std::set<std::string> titles;
  const std::regex heading("<h2>([^<]*)</h2>");
  for (std::sregex_iterator at(page.begin(), page.end(), heading), end; at != end; ++at)
    EXPECT_TRUE(titles.insert((*at)[1]).second) << (*at)[1];
}

TEST(FilingReport, WithoutAKeySaysSoOnTheCoverAndInTheMarginOfEveryPage) {
  FilingDetails details = example_details();
  const Audit audit = example_audit({.runs = 60});
  EXPECT_THAT(filing_of(audit, details), Not(HasSubstr("UNSIGNED")));
  details.key_id.reset();
  const std::string page = filing_of(audit, details);
  EXPECT_THAT(page, HasSubstr("<b>Unsigned.</b>"));
  EXPECT_THAT(
      page,
      HasSubstr("@bottom-left { content: \"repro-audit 0.1.0, audit 20261122T081500Z-4f2a: UNSIGNED\""));
}

TEST(FilingReport, ShowsHostileTextAndIsNotSteeredByIt) {
  Audit audit = example_audit({.runs = 60, .hostile = true});
  audit.id = "\"; } </style><script>alert(4)</script>";
  const std::string page = filing_of(audit, hostile_details());
  for (const char c : page)
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  for (const char* bytes : {"<script", "<img", "\u202e", "\u200b", "\xff"})
    EXPECT_THAT(page, Not(HasSubstr(bytes)));
  size_t sheets = 0;
  for (size_t at = 0; (at = page.find("</style", at)) != page.npos; ++at) ++sheets;
  EXPECT_EQ(sheets, 1u);
}

TEST(CssString, LeavesNothingThatEndsItOrTheSheet) {
  EXPECT_EQ(css_string("a \"b\\</style>\n'"),
            R"("a \000022b\00005c\00003c\00002fstyle\00003e\00000a\000027")");
  EXPECT_EQ(css_string("\u20ac\xff"), R"("\0020ac\00fffd")");
}

// What a program of `command` prints.
std::string printed_by(const TemporaryFolder& folder, const std::string& command) {
  const int status = std::system(("cd '" + folder.path() + "' && { " + command + "; } >said 2>&1").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 0) << command << "\n" << read_file(folder / "said");
  return read_file(folder / "said");
}

// The text of `page` as Chromium prints it, and how many A4 pages that are.
struct Printed {
  int pages = 0;
  std::string size, text;
};
Printed print(const std::string& page) {
  const TemporaryFolder folder;
  folder.write("page.html", page);
  printed_by(folder,
             "chromium --headless --no-sandbox --disable-gpu --no-pdf-header-footer --user-data-dir=profile "
             "--print-to-pdf=page.pdf page.html");
  const std::string facts = printed_by(folder, "pdfinfo page.pdf");
  std::smatch pages, size;
  EXPECT_TRUE(std::regex_search(facts, pages, std::regex("Pages: +([0-9]+)"))) << facts;
  EXPECT_TRUE(std::regex_search(facts, size, std::regex("Page size: +(.*)"))) << facts;
  return {std::stoi(pages[1]), size[1], printed_by(folder, "pdftotext -layout page.pdf -")};
}

bool can_print() {
  return is_here("chromium") && is_here("pdfinfo");
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; ++at) ++count;
  return count;
}

TEST(FilingReportOnPaper, IsA4WithTheScopeAndTheAuditOnEveryPage) {
  if (!can_print()) GTEST_SKIP() << "no chromium or no poppler-utils here";
  FilingDetails details = example_details();
  details.key_id.reset();
  const Printed paper = print(filing_of(example_audit({.runs = 200}), details));
  EXPECT_THAT(paper.size, HasSubstr("(A4)"));
  EXPECT_GE(paper.pages, 6);
  EXPECT_LE(paper.pages, 16);
  const auto pages = static_cast<size_t>(paper.pages);
  EXPECT_GE(count_of(paper.text, "Not tested: your serving stack."), pages);
  EXPECT_EQ(count_of(paper.text, "audit 20261122T081500Z-4f2a: UNSIGNED"), pages);
  EXPECT_THAT(paper.text, HasSubstr("page 1 of " + std::to_string(paper.pages)));
  for (const char* text :
       {"Ada Example", "Clopper-Pearson", "MEASURE 2.5", "Median tokens/s", "Kernel choices"})
    EXPECT_THAT(paper.text, HasSubstr(text));
}

// A closed details element prints what it holds.
TEST(HtmlReportOnPaper, ShowsWhatIsFoldedOnAScreen) {
  if (!can_print()) GTEST_SKIP() << "no chromium or no poppler-utils here";
  const Printed paper =
      print(html_begin("folded") + "<details><summary>More</summary><p>hidden words</p></details>" +
            html_end("the end"));
  EXPECT_THAT(paper.size, HasSubstr("(A4)"));
  EXPECT_THAT(paper.text, HasSubstr("hidden words"));
}

}  // namespace
}  // namespace ra
