#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/reports/valid_formats.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

std::string report_of(const Audit& audit) {
  return prometheus_report(audit, analyze(audit));
}

TEST(PrometheusReport, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.prom", report_of(small_scripted_audit()));
}

TEST(PrometheusReport, FollowsTheGrammarWhateverTheNames) {
  for (const bool hostile : {false, true}) {
    expect_valid_prometheus(
        report_of(example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 8, .hostile = hostile})));
  }
  Audit audit = small_scripted_audit();
  audit.subject.model_name = "a\"b\\c\nd\xff{}";
  expect_valid_prometheus(report_of(audit));
}

}  // namespace
}  // namespace ra
