#include "tests/reports/valid_formats.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/is_here.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

// Expects the command to take a file with these bytes, whose path stands for %.
void expect_taken(std::string command, const std::string& bytes, const std::string& name) {
  const TemporaryFolder folder;  // tests run side by side
  const std::string path = folder / name;
  std::ofstream(path, std::ios::binary) << bytes;
  command.replace(command.find('%'), 1, "'" + path + "'");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace

void expect_valid_json(const std::string& report, const std::string& schema) {
  expect_taken("python3 " RA_SOURCE "/tests/reports/check_schema.py " RA_SOURCE "/reports/" + schema + " %",
               report, "valid.json");
}

void expect_valid_junit(const std::string& report) {
  expect_taken("xmllint --nonet --noout --schema " RA_SOURCE "/tests/reports/junit.xsd % 2>&1", report,
               "valid.junit.xml");
}

void expect_valid_prometheus(const std::string& report) {
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
  if (!is_here("promtool")) return;
  expect_taken("promtool check metrics <%", report, "valid.prom");
}

}  // namespace ra
