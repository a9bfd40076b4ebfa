// JUnit XML, as CI systems read it (the schema of Jenkins' xunit plug-in), a test suite after another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/audit/analysis.h"

namespace ra {

struct JunitSuite {
  std::string name;
  std::string created;  // UTC
  std::vector<std::pair<const char*, std::string>> properties;
  std::string class_name;                            // stands before an arm's name
  std::vector<std::pair<std::string, double>> arms;  // names and seconds
  std::vector<RuleOutcome> rules;                    // a test case each; arm: index into arms
  std::vector<std::string> said;                     // lines
};

// The whole file; every string is untrusted.
std::string junit_file(const std::vector<JunitSuite>& suites);

}  // namespace ra
