#include "reports/comparison_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "core/json.h"
#include "tests/reports/golden_report.h"
#include "tests/support/audit_builder.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::vector<int32_t> kSolo = {11, 12, 13, 14};

AuditBuilder planned() {
  AuditBuilder builder({"standard", "invariant"}, kSolo);
  builder.trial(TrialKind::random, 3, 1);
  return builder;
}

// A library that changed, a token that did, and names that attack whoever shows them.
struct Example {
  Example() {
    AuditBuilder before = planned(), after = planned();
    before.finish();
    after.done(1, 1, {{.tokens = {11, 77, 13, 14}}});
    after.vary_sum_order(0, "qkv", true);
    after.finish();
    after.audit.arms[0].facts.environment["blas"] = "0.3.29 \x1b[2J\u202e" + std::string(100, 'x');
    after.audit.pieces[77] = "\x1b]52;c;AAAA\x07<script>\xff";
    after.audit.tool = "0.2.0";
    a = before.audit;
    b = after.audit;
    found = compare(a, analyze(a), b, analyze(b));
  }
  std::string text(int width, bool color = false) const {
    return text_comparison({a, "baseline nightly"}, {b, "audit \x1b[31mlatest"}, found, width, color);
  }
  std::string page() const {
    return html_comparison({a, "baseline nightly"}, analyze(a), {b, "audit \x1b[31mlatest"}, analyze(b),
                           found);
  }
  Audit a, b;
  Comparison found;
};

TEST(ComparisonText, OfAScriptedUpdateIsTheGoldenOne) {
  expect_golden("compared.txt", Example().text(80));
}

TEST(ComparisonJson, OfAScriptedUpdateIsTheGoldenOne) {
  const Example example;
  expect_golden("compared.json",
                json_comparison({example.a, "baseline nightly"}, {example.b, "audit latest"}, example.found));
}

TEST(ComparisonText, NamesWhatDiffersAndWhatChangedAroundIt) {
  const Example example;
  const std::string text = example.text(200);
  EXPECT_THAT(text, HasSubstr("baseline nightly (20261122T080000Z-1) and audit \\u{1b}[31mlatest"));
  EXPECT_THAT(text, HasSubstr("\n  tool: \"0.1.0\", now \"0.2.0\"\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\nstandard (opaque): not comparable\n  because           blas was absent, is \"0.3.29 "));
  EXPECT_THAT(
      text,
      HasSubstr("\ninvariant (cpu-fma512/1): different\n"
                "  streams           4 compared; 3 equal in tokens, 3 in tokens and logits\n"
                "  first parting     trial 1 (random, batch size 4), sequence 0, token 1: \" t12\" (12), "
                "now \"\\u{1b}]52;c;AAAA\\u{7}<script>\\xff\" (77)\n"));
  EXPECT_THAT(text, HasSubstr("  kernel choice     qkv at row counts "));
  EXPECT_THAT(text, HasSubstr(", with another sum order: such as \"one order\", now \"order of "));
  EXPECT_THAT(text, HasSubstr("  speed             "));
  EXPECT_THAT(
      text, HasSubstr("\nDifferent: invariant 1 of 4 streams differ in tokens, first at token 1 in trial 1"));
}

TEST(ComparisonText, FitsTheTerminalAndSteersNone) {
  const Example example;
  for (const int width : {40, 60, 80}) {
    const std::string text = example.text(width);
    EXPECT_EQ(text.find_first_of("\x1b\x07\xff"), text.npos);
    EXPECT_EQ(text.find("\u202e"), text.npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
  }
  EXPECT_THAT(example.text(80, true), HasSubstr("\x1b[1;31mdifferent\x1b[0m"));
}

TEST(ComparisonText, ManyRowCountsOfAChangedKernelAreCounted) {
  Example example;
  std::vector<int32_t>& rows = example.found.arms[0].choices.at(0).rows;
  rows.clear();
  for (int32_t count = 17; count < 900; count += 2) rows.push_back(count);
  EXPECT_THAT(example.text(400), HasSubstr("qkv at row counts 3 to 899, 445 different"));
}

TEST(ComparisonText, OfEqualAuditsSaysSo) {
  AuditBuilder builder = planned();
  builder.finish();
  const Audit& audit = builder.audit;
  const Finding finding = analyze(audit);
  const std::string text =
      text_comparison({audit, "a"}, {audit, "b"}, compare(audit, finding, audit, finding), 80, false);
  EXPECT_THAT(text,
              HasSubstr("\nSame: every stream that both have done has equal tokens and equal logits.\n"));
  EXPECT_THAT(text, Not(HasSubstr("environment")));
}

TEST(ComparisonJson, HoldsTheSame) {
  const Example example;
  const std::string bytes =
      json_comparison({example.a, "baseline nightly"}, {example.b, "latest"}, example.found);
  EXPECT_EQ(bytes.find_first_not_of("\n", bytes.size() - 1), bytes.npos);
  for (const char c : bytes) ASSERT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
  const Json json = parse_json(bytes, "comparison");
  const auto text = [&](const char* name) { return json.find(name)->string(name); };
  EXPECT_EQ(text("format"), "repro-audit-comparison");
  EXPECT_EQ(text("likeness"), "different");
  EXPECT_EQ(json.find("exit_status")->integer("exit_status"), 1);
  const Json& arm = json.find("arms")->array("arms").at(1);
  EXPECT_EQ(arm.find("likeness")->string("likeness"), "different");
  EXPECT_EQ(arm.find("parting")->find("position")->integer("position"), 1);
  EXPECT_EQ(arm.find("parting")->find("a")->find("id")->integer("id"), 12);
  EXPECT_EQ(arm.find("streams")->find("equal_tokens")->integer("equal_tokens"), 3);
  const Json& opaque = json.find("arms")->array("arms").at(0);
  EXPECT_EQ(opaque.find("likeness")->string("likeness"), "not comparable");
  EXPECT_FALSE(opaque.find("kernel_choices")->array("choices").empty());
  EXPECT_EQ(bytes, json_comparison({example.a, "baseline nightly"}, {example.b, "latest"}, example.found));
}

TEST(ComparisonPage, OfAScriptedUpdateIsTheGoldenOne) {
  expect_golden("compared.html", without_style(Example().page()));
}

TEST(ComparisonPage, ShowsBothAuditsOfEachArmAndWhereTheyPart) {
  const auto [a, b] = example_update();
  const Finding a_finding = analyze(a), b_finding = analyze(b);
  const Comparison found = compare(a, a_finding, b, b_finding);
  const std::string page =
      html_comparison({a, "baseline nightly"}, a_finding, {b, "audit latest"}, b_finding, found);
  ASSERT_TRUE(found.arms.at(1).parting && found.arms[1].parting->tokens);
  for (const std::string& part :
       {"<p class=\"lead\">" + comparison_sentence(found).substr(0, 20),
        std::string(
            "<th scope=\"row\" class=\"break\">openblas</th><td class=\"break\">0.3.21, core SkylakeX</td>"
            "<td class=\"break\">0.3.29, core SkylakeX</td>"),
        parting_place(b, *found.arms[1].parting), std::string("<td>changed</td>"), std::string("not judged"),
        a.id, b.id})
    EXPECT_THAT(page, HasSubstr(part));
}

TEST(ComparisonPage, SaysWhyNothingCanBeCompared) {
  const Example example;
  Audit other = example.b;
  other.subject.prompt_sha256 = "another";
  other.plan.spec.prompt.push_back(4);
  const Finding finding = analyze(example.a), other_finding = analyze(other);
  const Comparison found = compare(example.a, finding, other, other_finding);
  ASSERT_FALSE(found.obstacles.empty());
  const std::string page = html_comparison({example.a, "a"}, finding, {other, "b"}, other_finding, found);
  EXPECT_THAT(page, HasSubstr(">not comparable</span>"));
  EXPECT_THAT(page, HasSubstr("<p class=\"lead\">"));
}

TEST(ComparisonPage, KeepsHostileTextInert) {
  const std::string page = Example().page();
  for (const char c : page)
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  for (const char* bytes : {"<script", "\u202e", "\xff"}) EXPECT_THAT(page, Not(HasSubstr(bytes)));
  EXPECT_THAT(page, HasSubstr("\\u{1b}]52;c;AAAA\\u{7}&lt;script&gt;"));
}

}  // namespace
}  // namespace ra
