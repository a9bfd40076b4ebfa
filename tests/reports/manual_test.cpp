#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "core/json.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

constexpr const char* kManual = RA_SOURCE "/man/repro-audit-report.5";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Adds the names of all members that a schema describes.
void collect_members(const Json& schema, std::set<std::string>& members) {
  if (schema.is_array()) {
    for (const Json& element : schema.array("schema")) collect_members(element, members);
  }
  if (!schema.is_object()) return;
  for (const auto& [key, value] : schema.object("schema")) {
    // The model has a member of that name, too: its schema's values are not all schemas.
    const bool describes_members = key == "properties" && value.find("type") == nullptr;
    if (describes_members) {
      for (const auto& [name, property] : value.object("properties")) members.insert(name);
    }
    collect_members(value, members);
  }
}

TEST(ReportManual, NamesEveryMemberOfTheSchemas) {
  std::set<std::string> words;
  std::istringstream manual(read(kManual));
  for (std::string word; manual >> word;) {
    while (!word.empty() && (word.back() == ',' || word.back() == '.' || word.back() == ';')) word.pop_back();
    words.insert(word);
  }
  std::set<std::string> members;
  for (const char* schema : {"/reports/report.schema.json", "/reports/prompts.schema.json"})
    collect_members(parse_json(read(RA_SOURCE + std::string(schema)), schema), members);
  ASSERT_GT(members.size(), 60u);
  for (const std::string& member : members) EXPECT_TRUE(words.count(member)) << member;
}

TEST(ReportManual, HasNoWarnings) {
  if (!is_here("mandoc")) GTEST_SKIP() << "no mandoc here";
  EXPECT_EQ(std::system((std::string("mandoc -T lint -W warning ") + kManual).c_str()), 0);
}

}  // namespace
}  // namespace ra
