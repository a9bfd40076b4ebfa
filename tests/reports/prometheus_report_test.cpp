#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "reports/report.h"
#include "tests/reports/golden_report.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

std::string report_of(const Audit& audit) {
  return prometheus_report(audit, analyze(audit));
}

// The text format's grammar: HELP and TYPE once before a metric's samples, names and labels as they may be, values that
// are numbers, no sample twice.
void expect_valid(const std::string& report) {
  const std::regex help(R"(# HELP (repro_audit_[a-z0-9_]+) [^\n]+)");
  const std::regex type(R"(# TYPE (repro_audit_[a-z0-9_]+) gauge)");
  const std::regex sample(
      R"re((repro_audit_[a-z0-9_]+)\{[a-z][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\} -?[0-9]+(?:\.[0-9]+)?)re");
  std::set<std::string> helped, typed, seen;
  std::string current;
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, help)) {
      EXPECT_TRUE(helped.insert(found[1]).second) << line;
      current = found[1];
    } else if (std::regex_match(line, found, type)) {
      EXPECT_EQ(found[1], current);
      EXPECT_TRUE(typed.insert(found[1]).second) << line;
    } else if (std::regex_match(line, found, sample)) {
      EXPECT_EQ(found[1], current) << line;
      EXPECT_TRUE(typed.contains(found[1])) << line;
      EXPECT_TRUE(seen.insert(line.substr(0, line.rfind(' '))).second) << line;
    } else {
      ADD_FAILURE() << "no line of the format: " << line;
    }
  }
  EXPECT_EQ(report.back(), '\n');
  EXPECT_EQ(helped, typed);
  EXPECT_GT(seen.size(), 20u);
  if (std::system("command -v promtool >/dev/null") != 0) return;
  const std::string path = testing::TempDir() + "metrics.prom";
  std::ofstream(path, std::ios::binary) << report;
  EXPECT_EQ(std::system(("promtool check metrics <'" + path + "'").c_str()), 0);
}

TEST(PrometheusReport, OfAScriptedAuditIsTheGoldenOne) {
  expect_golden("small.prom", report_of(small_scripted_audit()));
}

TEST(PrometheusReport, FollowsTheGrammarWhateverTheNames) {
  for (const bool hostile : {false, true}) {
    expect_valid(
        report_of(example_audit({.runs = 60, .max_tokens = 60, .max_batch_size = 8, .hostile = hostile})));
  }
  Audit audit = small_scripted_audit();
  audit.subject.model_name = "a\"b\\c\nd\xff{}";
  expect_valid(report_of(audit));
}

}  // namespace
}  // namespace ra
