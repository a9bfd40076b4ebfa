#include "reports/junit_suite.h"

#include <fmt/format.h>

#include <algorithm>

#include "reports/escape.h"

namespace ra {
namespace {

struct Counts {
  int64_t tests = 0, failures = 0, skipped = 0;
  double seconds = 0;

  std::string attributes() const {
    return fmt::format(R"(tests="{}" failures="{}" errors="0" skipped="{}" time="{:.3f}")", tests, failures,
                       skipped, seconds);
  }
};

Counts counts_of(const JunitSuite& suite) {
  Counts counts{.tests = static_cast<int64_t>(suite.rules.size())};
  for (const RuleOutcome& rule : suite.rules) {
    counts.failures += rule.state == RuleState::unmet ? 1 : 0;
    counts.skipped += rule.state == RuleState::pending ? 1 : 0;
  }
  for (const auto& [arm, seconds] : suite.arms) counts.seconds += seconds;
  return counts;
}

std::string test_case(const JunitSuite& suite, const RuleOutcome& rule) {
  const auto [arm, seconds] =
      rule.arm < 0 ? std::pair<std::string, double>("audit", 0) : suite.arms[static_cast<size_t>(rule.arm)];
  std::string markup = fmt::format(R"(    <testcase classname="{}.{}" name="{}" time="{:.3f}")",
                                   escape(suite.class_name), escape(arm), escape(rule.rule), seconds);
  const std::string said =
      fmt::format("{} is {}; expected {}", escape(rule.rule), escape(rule.found), escape(rule.expected));
  switch (rule.state) {
    case RuleState::met:
      return markup + "/>\n";
    case RuleState::unmet:
      return markup + fmt::format(">\n      <failure message=\"{}\"/>\n    </testcase>\n", said);
    case RuleState::pending:
      return markup +
             fmt::format(">\n      <skipped message=\"{}, with trials missing\"/>\n    </testcase>\n", said);
  }
  return markup;
}

std::string test_suite(const JunitSuite& suite) {
  std::string markup =
      fmt::format("  <testsuite name=\"{}\" timestamp=\"{}\" {}>\n    <properties>\n", escape(suite.name),
                  escape(suite.created.substr(0, suite.created.find('Z'))), counts_of(suite).attributes());
  for (const auto& [name, value] : suite.properties)
    markup += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, escape(value));
  markup += "    </properties>\n";
  for (const RuleOutcome& rule : suite.rules) markup += test_case(suite, rule);
  markup += "    <system-out>";
  for (const std::string& line : suite.said) markup += escape(line) + "\n";
  return markup + "</system-out>\n  </testsuite>\n";
}

}  // namespace

std::string junit_file(const std::vector<JunitSuite>& suites) {
  Counts all;
  std::string markup;
  for (const JunitSuite& suite : suites) {
    const Counts counts = counts_of(suite);
    all.tests += counts.tests;
    all.failures += counts.failures;
    all.skipped += counts.skipped;
    all.seconds += counts.seconds;
    markup += test_suite(suite);
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n{}</testsuites>\n",
                     all.attributes(), markup);
}

}  // namespace ra
