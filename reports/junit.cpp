// JUnit XML: a test suite an audit, a test case for each rule of the policy in each arm that it is about.
#include "reports/junit_suite.h"
#include "reports/prompts_report.h"
#include "reports/report.h"

namespace ra {

std::string junit_report(const Audit& audit, const Finding& finding) {
  JunitSuite suite{.name = "repro-audit " + audit.subject.model_name,
                   .created = audit.created,
                   .properties = {{"audit", audit.id},
                                  {"tool", audit.tool},
                                  {"policy", finding.policy},
                                  {"model_sha256", audit.subject.model_sha256},
                                  {"prompt_sha256", audit.subject.prompt_sha256},
                                  {"plan_sha256", plan_sha256(audit.plan)}},
                   .class_name = "repro-audit",
                   .rules = finding.rules,
                   .said = finding.verdict};
  for (const ArmFinding& arm : finding.arms)
    suite.arms.emplace_back(audit.arms[static_cast<size_t>(arm.arm)].name, arm.seconds);
  suite.said.push_back(finding.scope);
  return junit_file({suite});
}

std::string prompts_junit(const PromptSet& set) {
  std::vector<JunitSuite> suites;
  for (const PromptOutcome& prompt : set.prompts) {
    JunitSuite& suite = suites.emplace_back();
    suite = {.name = "repro-audit " + set.model_name + ": " + prompt.name,
             .created = prompt.created,
             .properties = {{"audit", prompt.audit},
                            {"set", set.list.set},
                            {"tool", set.tool},
                            {"policy", set.policy},
                            {"model_sha256", set.model_sha256},
                            {"prompt_sha256", prompt.prompt_sha256},
                            {"plan_sha256", prompt.plan_sha256}},
             .class_name = "repro-audit." + prompt.name,
             .rules = prompt.rules,
             .said = {}};
    for (const ArmSummary& arm : prompt.arms) suite.arms.emplace_back(arm.name, arm.seconds);
    if (!prompt.reason.empty()) suite.said.push_back(prompt.reason);
  }
  // What is about all of them stands with the last.
  for (const std::string& sentence : set.verdict) suites.back().said.push_back(sentence);
  suites.back().said.push_back(set.scope);
  return junit_file(suites);
}

}  // namespace ra
