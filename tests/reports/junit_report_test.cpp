#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/policy.h"
#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/reports/valid_formats.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string report_of(const Audit& audit) {
  return junit_report(audit, analyze(audit));
}

Audit judged(Audit audit, const std::string& policy) {
  audit.subject.settings.merge(policy_settings(*built_in_policy(policy)));
  return audit;
}

const ExampleSpec kSmall{.runs = 60, .max_tokens = 60, .max_batch_size = 8};

TEST(JunitReport, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.junit.xml", report_of(judged(small_scripted_audit(), "nightly")));
}

TEST(JunitReport, FollowsItsSchemaWhateverTheOutcomeAndTheNames) {
  expect_valid_junit(report_of(example_audit(kSmall)));
  ExampleSpec spec = kSmall;
  spec.finished = false;
  expect_valid_junit(report_of(judged(example_audit(spec), "evidence")));
  spec = kSmall;
  spec.hostile = true;
  expect_valid_junit(report_of(judged(example_audit(spec), "evidence")));
}

TEST(JunitReport, AnUnmetRuleIsAFailureAndAPendingOneIsSkipped) {
  const std::string unmet = report_of(judged(example_audit(kSmall), "evidence"));
  EXPECT_THAT(unmet, HasSubstr("<failure message=\"min_trials is "));
  EXPECT_THAT(unmet, Not(HasSubstr("<skipped")));
  ExampleSpec spec = kSmall;
  spec.finished = false;
  const std::string pending = report_of(judged(example_audit(spec), "evidence"));
  EXPECT_THAT(pending, HasSubstr("<skipped message=\"min_trials is "));
}

}  // namespace
}  // namespace ra
