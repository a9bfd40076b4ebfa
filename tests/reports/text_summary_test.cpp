#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/support/audit_builder.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

using testing::HasSubstr;

std::string summary_of(const Audit& audit, int width = 80, bool color = false) {
  return text_summary(audit, analyze(audit), width, color);
}

TEST(TextSummary, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.txt", summary_of(small_scripted_audit()));
}

TEST(TextSummary, FitsTheWidth) {
  for (const int width : {40, 60, 80, 120}) {
    std::istringstream lines(
        summary_of(example_audit({.runs = 60, .max_tokens = 40, .max_batch_size = 8}), width));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
    }
  }
}

TEST(TextSummary, CutsAWordWiderThanALine) {
  AuditBuilder builder({"standard"}, {10, 11});
  builder.done(0, builder.trial(TrialKind::edge, 1, 0), {{.tokens = {10, 12}}});
  builder.finish();
  builder.audit.pieces[12] = "\u6771\u4eac\u6771\u4eac\u6771\u4eac\u6771\u4eac\u6771\u4eac\u6771\u4eac\u6771";
  std::istringstream lines(summary_of(builder.audit, 40));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 40u + 13u) << "one more byte a wide character";
}

TEST(TextSummary, EscapesWhatWouldSteerATerminal) {
  const std::string text =
      summary_of(example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 8, .hostile = true}));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1b")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\u202e")));
  EXPECT_THAT(text, testing::Each(testing::AnyOf('\n', testing::Ge(' '), testing::Lt('\0'))));
}

TEST(TextSummary, UsesColorOnlyWhenAsked) {
  EXPECT_THAT(summary_of(small_scripted_audit(), 80, true), HasSubstr("\x1b[1;32midentical\x1b[0m"));
  EXPECT_THAT(summary_of(small_scripted_audit()), testing::Not(HasSubstr("\x1b")));
}

TEST(TextSummary, EndsWithTheScopeLine) {
  const std::string text = summary_of(small_scripted_audit(), 200);
  EXPECT_THAT(text, testing::EndsWith("Not tested: your serving stack.\n"));
}

}  // namespace
}  // namespace ra
