// JUnit XML, as CI systems read it (the schema of Jenkins' xunit plug-in): a test suite for the audit, a test case for each
// rule of the policy in each arm that it is about.
#include <fmt/format.h>

#include <algorithm>

#include "reports/escape.h"
#include "reports/report.h"

namespace ra {
namespace {

std::string test_case(const Audit& audit, const Finding& finding, const RuleOutcome& rule) {
  const std::string arm = rule.arm < 0 ? "audit" : audit.arms[static_cast<size_t>(rule.arm)].name;
  const double seconds = rule.arm < 0 ? 0 : finding.arms[static_cast<size_t>(rule.arm)].seconds;
  std::string markup = fmt::format(R"(    <testcase classname="repro-audit.{}" name="{}" time="{:.3f}")",
                                   escape(arm), escape(rule.rule), seconds);
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

}  // namespace

std::string junit_report(const Audit& audit, const Finding& finding) {
  const auto count = [&](RuleState state) {
    return std::count_if(finding.rules.begin(), finding.rules.end(),
                         [&](const RuleOutcome& rule) { return rule.state == state; });
  };
  double seconds = 0;
  for (const ArmFinding& arm : finding.arms) seconds += arm.seconds;
  const std::string counts =
      fmt::format(R"(tests="{}" failures="{}" errors="0" skipped="{}" time="{:.3f}")", finding.rules.size(),
                  count(RuleState::unmet), count(RuleState::pending), seconds);
  std::string markup = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n"
      "  <testsuite name=\"repro-audit {1}\" timestamp=\"{2}\" {0}>\n    <properties>\n",
      counts, escape(audit.subject.model_name), escape(audit.created.substr(0, audit.created.find('Z'))));
  const std::pair<const char*, std::string> properties[] = {{"audit", audit.id},
                                                            {"tool", audit.tool},
                                                            {"policy", finding.policy},
                                                            {"model_sha256", audit.subject.model_sha256},
                                                            {"prompt_sha256", audit.subject.prompt_sha256},
                                                            {"plan_sha256", plan_sha256(audit.plan)}};
  for (const auto& [name, value] : properties)
    markup += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, escape(value));
  markup += "    </properties>\n";
  for (const RuleOutcome& rule : finding.rules) markup += test_case(audit, finding, rule);
  markup += "    <system-out>";
  for (const std::string& sentence : finding.verdict) markup += escape(sentence) + "\n";
  return markup + escape(finding.scope) + "\n</system-out>\n  </testsuite>\n</testsuites>\n";
}

}  // namespace ra
