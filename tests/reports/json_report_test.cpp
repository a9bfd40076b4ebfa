#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>

#include "core/json.h"
#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/reports/valid_formats.h"
#include "tests/support/audit_builder.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

using testing::HasSubstr;

std::string report_of(const Audit& audit) {
  return json_report(audit, analyze(audit));
}

void expect_valid(const std::string& report) {
  expect_valid_json(report, "report.schema.json");
}

TEST(JsonReport, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.json", report_of(small_scripted_audit()));
}

TEST(JsonReport, FollowsItsSchema) {
  expect_valid(report_of(small_scripted_audit()));
  for (const bool parts : {true, false}) {
    expect_valid(
        report_of(example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 8, .parts = parts})));
  }
  expect_valid(
      report_of(example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 8, .finished = false})));
}

TEST(JsonReport, IsTheSameWhenMadeAgain) {
  const Audit audit = example_audit({.runs = 60, .max_tokens = 40, .max_batch_size = 8});
  EXPECT_EQ(report_of(audit), report_of(audit));
}

TEST(JsonReport, KeepsWhatAResumeMayChangeInOneMember) {
  Audit audit = example_audit({.runs = 60, .max_tokens = 40, .max_batch_size = 8});
  Json before = parse_json(report_of(audit), "before");
  audit.id = "another";
  audit.created = "2030-01-01T00:00:00Z";
  audit.segments.resize(9);
  for (Attempt& attempt : audit.attempts) attempt.seconds *= 3;
  Json after = parse_json(report_of(audit), "after");
  const auto without_volatile = [](const std::string& report) {
    return report.substr(0, report.rfind("\"volatile\""));
  };
  EXPECT_NE(report_of(audit), report_of(example_audit({.runs = 60, .max_tokens = 40, .max_batch_size = 8})));
  EXPECT_EQ(without_volatile(report_of(audit)),
            without_volatile(report_of(example_audit({.runs = 60, .max_tokens = 40, .max_batch_size = 8}))));
  EXPECT_EQ(after.find("volatile")->find("audit")->string("audit"), "another");
  EXPECT_EQ(after.object("report").back().key, "volatile");
}

TEST(JsonReport, ShowsBytesThatAreNoTextAsReplacementsAndAsBase64) {
  AuditBuilder builder({"standard"}, {10, 11});
  builder.trial(TrialKind::edge, 1, 0);
  builder.finish();
  builder.audit.pieces[10] = "\xff";
  builder.audit.pieces[11] = "\xe2\x82";
  builder.audit.subject.prompt_text = "\xc3\x28";
  const std::string text = report_of(builder.audit);
  const Json report = parse_json(text, "report");
  const Json& stream = report.find("streams")->array("streams")[0];
  EXPECT_EQ(stream.find("text")->string("text"), "\uFFFD\uFFFD");
  EXPECT_EQ(stream.find("base64")->string("base64"), "/+KC");
  EXPECT_EQ(report.find("prompt")->find("text")->string("text"), "\uFFFD(");
  EXPECT_EQ(report.find("prompt")->find("base64")->string("base64"), "wyg=");
  expect_valid(text);
}

TEST(JsonReport, OfHostileOutputIsValidAndAllAscii) {
  const std::string report =
      report_of(example_audit({.runs = 40, .max_tokens = 60, .max_batch_size = 8, .hostile = true}));
  EXPECT_THAT(report,
              testing::Each(testing::AnyOf('\n', testing::AllOf(testing::Ge(' '), testing::Le('~')))));
  EXPECT_THAT(report, HasSubstr("\\u202e"));
  expect_valid(report);
}

TEST(JsonReport, DoesNotFollowTheLocale) {
  const Audit audit = example_audit({.runs = 40, .max_tokens = 20, .max_batch_size = 4});
  const std::string before = report_of(audit);
  // Few machines have this locale; where it is missing the test still runs in the C locale.
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  const std::string after = report_of(audit);
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace ra
