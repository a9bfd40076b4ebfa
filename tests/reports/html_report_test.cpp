#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <set>

#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/support/example_audit.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string report_of(const Audit& audit) {
  return html_report(audit, analyze(audit));
}

Audit hostile_audit() {
  return example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 32, .hostile = true});
}

// Every tag of a page: its name, and its attributes' names and values.
struct Tag {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
};

// Reads what html_report() may write and nothing else; throws std::runtime_error on other markup.
std::vector<Tag> parse_tags(const std::string& page) {
  std::vector<Tag> tags;
  size_t at = page.find('\n') + 1;  // behind the doctype
  while ((at = page.find('<', at)) != std::string::npos) {
    Tag tag;
    ++at;
    if (page[at] == '/') ++at;
    while (std::isalnum(static_cast<unsigned char>(page[at]))) tag.name += page[at++];
    if (tag.name.empty()) throw std::runtime_error("a tag without a name: " + page.substr(at - 1, 40));
    if (tag.name == "style" && page[at - 6] != '/') at = page.find("</style>", at) - 1;
    while (page[at] != '>') {
      if (page[at] == ' ' || page[at] == '/' || tag.name == "style") {
        ++at;
        continue;
      }
      std::string attribute, value;
      while (std::isalpha(static_cast<unsigned char>(page[at])) || page[at] == '-' ||
             std::isdigit(static_cast<unsigned char>(page[at])))
        attribute += page[at++];
      if (attribute.empty() || page[at] != '=' || page[at + 1] != '"')
        throw std::runtime_error("an odd attribute: " + page.substr(at, 40));
      at += 2;
      while (page[at] != '"') value += page[at++];
      ++at;
      tag.attributes.emplace_back(attribute, value);
    }
    tags.push_back(std::move(tag));
  }
  return tags;
}

TEST(HtmlReport, ShowsTheIdsOfTokensThatHaveNoText) {
  Audit audit = example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 32});
  for (auto& [id, piece] : audit.pieces) piece.clear();
  const std::string page = report_of(audit);
  const Finding finding = analyze(audit);
  const std::optional<Divergence>& first = finding.arms.at(0).first_divergence;
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(page, HasSubstr("<span class=\"token\">#" + std::to_string(first->token) + "</span>"));
  EXPECT_THAT(page, Not(HasSubstr("<span class=\"token\"></span>")));
}

TEST(HtmlReport, EscapesTheNamesOfArmsOnce) {
  Audit audit = example_audit({.runs = 60});
  audit.arms[0].name = "a<b";
  audit.arms[0].facts.environment["library"] = "another";
  const std::string page = report_of(audit);
  EXPECT_THAT(page, HasSubstr("<th scope=\"col\">a&lt;b</th>"));
  EXPECT_THAT(page, HasSubstr("aria-label=\"Streams of a&lt;b\""));
  EXPECT_THAT(page, HasSubstr("<td class=\"break\">another</td><td class=\"break\">absent</td>"));
  EXPECT_THAT(page, Not(HasSubstr("&amp;lt;")));
}

TEST(HtmlReport, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.html", without_style(report_of(small_scripted_audit())));
}

TEST(HtmlReport, IsTheSameWhenMadeAgain) {
  const Audit audit = hostile_audit();
  EXPECT_EQ(report_of(audit), report_of(audit));
}

TEST(HtmlReport, HasNoScriptAndNothingFromOutside) {
  const std::set<std::string> kElements = {
      "html", "head",    "meta",    "title", "style", "body", "header", "main",   "footer", "section", "div",
      "p",    "h1",      "h2",      "h3",    "span",  "b",    "em",     "small",  "br",     "q",       "pre",
      "mark", "dl",      "dt",      "dd",    "ul",    "li",   "table",  "thead",  "tbody",  "tr",      "th",
      "td",   "details", "summary", "svg",   "path",  "rect", "line",   "circle", "text",   "wbr",     "ol"};
  const std::set<std::string> kAttributes = {
      "lang",    "charset", "http-equiv",  "content",      "name",  "class",   "colspan",
      "viewBox", "role",    "aria-label",  "aria-hidden",  "d",     "x",       "y",
      "x1",      "y1",      "x2",          "y2",           "cx",    "cy",      "r",
      "width",   "height",  "text-anchor", "stroke-width", "scope", "tabindex"};
  for (const ExampleSpec& spec :
       {ExampleSpec{.runs = 60, .hostile = true}, ExampleSpec{.runs = 60},
        ExampleSpec{.runs = 60, .finished = false}, ExampleSpec{.runs = 60, .parts = false}}) {
    const std::string page = report_of(example_audit(spec));
    for (const Tag& tag : parse_tags(page)) {
      EXPECT_TRUE(kElements.count(tag.name)) << tag.name;
      for (const auto& [attribute, value] : tag.attributes) {
        EXPECT_TRUE(kAttributes.count(attribute)) << tag.name << " " << attribute;
        EXPECT_THAT(value, Not(HasSubstr("<")));
      }
    }
    const std::string style = page.substr(page.find("<style>"), page.find("</style>") - page.find("<style>"));
    EXPECT_THAT(style, Not(HasSubstr("url(")));
    EXPECT_THAT(style, Not(HasSubstr("@import")));
    EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'sha256-"));
  }
}

TEST(HtmlReport, ShowsWhatIsInvisibleInHostileOutput) {
  const std::string page = report_of(hostile_audit());
  for (const char c : page)
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  for (const char* bytes : {"\u202e", "\u200b", "\u2028", "\x7f", "\xff"})
    EXPECT_THAT(page, Not(HasSubstr(bytes)));
  EXPECT_THAT(page, HasSubstr("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("\\u{1b}]52;c;AAAA\\u{7}"));
  EXPECT_THAT(page, HasSubstr("\\u{202e}"));
}

TEST(HtmlReport, BeginsWithTheScopeAndTheAnswer) {
  const std::string page = report_of(small_scripted_audit());
  const size_t scope = page.find("Tested: repro-audit&#39;s own engine");
  const size_t answer = page.find("<h1>invariant gave the same answer in all 6 runs, bit for bit;");
  ASSERT_NE(scope, std::string::npos);
  ASSERT_NE(answer, std::string::npos);
  EXPECT_LT(scope, answer);
}

// A browser agrees: what it makes of a hostile page holds no script and no image.
TEST(HtmlReportInBrowserLong, KeepsHostileOutputInert) {
  if (!is_here("chromium")) GTEST_SKIP() << "no chromium here";
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "hostile.html", std::ios::binary) << report_of(hostile_audit());
  const std::string command = "chromium --headless --no-sandbox --disable-gpu --user-data-dir='" + folder +
                              "chromium' --dump-dom 'file://" + folder + "hostile.html' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_TRUE(pipe);
  std::string dom;
  char buffer[4096];
  for (size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) dom.append(buffer, got);
  EXPECT_THAT(dom, HasSubstr("</footer>"));
  EXPECT_THAT(dom, Not(HasSubstr("<script")));
  EXPECT_THAT(dom, Not(HasSubstr("<img")));
}

}  // namespace
}  // namespace ra
