#include "reports/trend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/reports/golden_report.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Three nights: the second with another library and a divergence, the third stopped early.
Trend three_nights() {
  Trend trend{"model.gguf", std::string(64, 'a'), "Explain \"rivers\".", std::string(64, 'b'), {}};
  const ExampleSpec specs[] = {{.runs = 60, .parts = false}, {.runs = 60}, {.runs = 60, .finished = false}};
  for (const ExampleSpec& spec : specs) {
    Audit audit = example_audit(spec);
    audit.id = "2026112" + std::to_string(trend.entries.size() + 1) + "T080000-0000";
    if (!trend.entries.empty()) audit.arms[0].facts.environment["OpenBLAS"] = "0.3.99";
    trend.entries.push_back(trend_entry(audit, analyze(audit)));
  }
  return trend;
}

TEST(Trend, OfThreeNightsEachFormatIsTheGoldenOne) {
  const Trend trend = three_nights();
  expect_golden("trend.txt", trend_text(trend));
  expect_golden("trend.json", trend_json(trend));
  expect_golden("trend.html", without_style(trend_html(trend)));
}

TEST(Trend, ChangesNameWhatIsNotAsBefore) {
  const Trend trend = three_nights();
  EXPECT_TRUE(changes(trend, 0).empty());
  EXPECT_THAT(changes(trend, 1), ElementsAre("environment OpenBLAS (standard)"));
  EXPECT_TRUE(changes(trend, 2).empty());
}

TEST(Trend, TheTableHasALineAnAuditInEachArm) {
  const std::string text = trend_text(three_nights());
  EXPECT_THAT(text, HasSubstr("model.gguf, \"Explain \"rivers\".\": 3 audits\n\nstandard\n"));
  EXPECT_THAT(text, testing::ContainsRegex("20261121T080000-0000  tokens-identical +60 +1 .* none "));
  EXPECT_THAT(text, testing::ContainsRegex("20261122T080000-0000  diverged +60 "));
  EXPECT_THAT(text, testing::ContainsRegex("20261123T080000-0000  .* [0-9]+/60 "));
  EXPECT_THAT(
      text, HasSubstr("not as in the audit before\n20261122T080000-0000  environment OpenBLAS (standard)\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 84u) << line;
}

TEST(Trend, JsonSaysWhatTheTableSays) {
  const Trend trend = three_nights();
  const Json json = parse_json(trend_json(trend), "trend");
  const Json::Array& audits = json.find("audits")->array("audits");
  ASSERT_EQ(audits.size(), 3u);
  for (size_t i = 0; i < audits.size(); ++i) {
    const Json::Array& arms = audits[i].find("arms")->array("arms");
    ASSERT_EQ(arms.size(), trend.entries[i].arms.size());
    for (size_t a = 0; a < arms.size(); ++a) {
      const ArmSummary& arm = trend.entries[i].arms[a];
      EXPECT_EQ(arms[a].find("verdict")->string("verdict"), name_of(arm.verdict));
      EXPECT_EQ(arms[a].find("distinct_streams")->integer("d"), arm.distinct_streams);
      EXPECT_EQ(arms[a].find("first_divergence")->is_null(), !arm.first_divergence.has_value());
    }
  }
  EXPECT_EQ(audits[1].find("changed")->array("c")[0].string("c"), "environment OpenBLAS (standard)");
}

TEST(Trend, ThePageIsSelfContainedAndItsTextsInert) {
  Trend trend = three_nights();
  trend.prompt_text = "<script>alert(1)</script>\x1b]52;c;x\a";
  trend.entries[2].conditions["environment <b>"] = "<img src=x>";
  const std::string page = trend_html(trend);
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("\x1b")));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x&gt;"));
  EXPECT_EQ(page, trend_html(trend));
}

TEST(Trend, AFigureWithoutAValueHasNoPoint) {
  Trend trend = three_nights();
  const auto points = [&] {
    const std::string page = trend_html(trend);
    const size_t begin = page.find("aria-label=\"First divergence");
    const std::string chart = page.substr(begin, page.find("</svg>", begin) - begin);
    size_t count = 0;
    for (size_t at = 0; (at = chart.find("<circle", at)) != chart.npos; ++at) ++count;
    return count;
  };
  const size_t before = points();
  ASSERT_GT(before, 0u);
  trend.entries[1].arms[0].first_divergence.reset();
  EXPECT_EQ(points(), before - 1);
}

TEST(Trend, OneAuditAloneIsATrendOfOne) {
  Trend trend = three_nights();
  trend.entries.resize(1);
  EXPECT_THAT(trend_text(trend), HasSubstr(": 1 audit\n"));
  EXPECT_THAT(trend_html(trend), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace ra
