// --json of verbs that print text: the same facts as the text.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/json.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

std::string text(const Json& json, const char* key) {
  const Json* member = json.find(key);
  return member == nullptr ? "no " + std::string(key) : member->string(key);
}
uint64_t number(const Json& json, const char* key) {
  return json.find(key)->unsigned_integer(key);
}

// Text and JSON of a verb over the database in `folder`.
struct Both {
  std::string text;
  Json json;
};
Both both(std::vector<std::string> verb, const TemporaryFolder& folder, int status = 0) {
  verb.insert(verb.end(), {"--db", folder / "audits.sqlite"});
  const Finished plain = run_program(verb);
  EXPECT_EQ(plain.status, status) << plain.err;
  verb.emplace_back("--json");
  const Finished json = run_program(verb);
  EXPECT_EQ(json.status, status) << json.err;
  return {plain.out, parse_json(json.out, "json")};
}

TEST(VerbJson, OfListHasEveryLineOfItsText) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  ASSERT_EQ(run_program(tiny_audit(folder, {"--kernels", "invariant"})).status, 0);
  const Both list = both({"list"}, folder);
  const Json::Array& audits = list.json.find("audits")->array("audits");
  ASSERT_EQ(audits.size(), 2u);
  std::istringstream lines(list.text);
  for (const Json& audit : audits) {
    std::string line;
    std::getline(lines, line);
    EXPECT_THAT(line, testing::StartsWith(text(audit, "id") + "  complete "));
    EXPECT_EQ(number(audit, "trials_done"), number(audit, "trials"));
    EXPECT_THAT(line, HasSubstr(text(audit, "model")));
    std::string arms;
    for (const Json& arm : audit.find("arms")->array("arms"))
      arms += (arms.empty() ? "" : ",") + arm.string("arm");
    EXPECT_THAT(line, HasSubstr("  " + arms + "  \""));
  }
  EXPECT_EQ(text(audits[0], "model_sha256"), text(audits[1], "model_sha256"));
}

TEST(VerbJson, OfShowIsTheReportOfTheSameAudit) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const Both show = both({"show"}, folder);
  EXPECT_THAT(show.text, HasSubstr(show.json.find("verdict")->array("verdict")[0].string("v").substr(0, 30)));
  const Finished report = run_program({"report", "--json", "-", "--db", folder / "audits.sqlite"});
  EXPECT_EQ(run_program({"show", "--json", "--db", folder / "audits.sqlite"}).out, report.out);
}

TEST(VerbJson, OfTrendHasTheAuditsOfOneModelAndPromptOnly) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  std::vector<std::string> other = tiny_audit(folder, {});
  other[4] = folder.write("other.json", "[7, 8, 9]");
  ASSERT_EQ(run_program(other).status, 0);
  ASSERT_EQ(run_program(tiny_audit(folder, {"--kernels", "invariant", "--seed", "2"})).status, 0);
  const Both trend = both({"trend"}, folder);
  const Json::Array& audits = trend.json.find("audits")->array("audits");
  ASSERT_EQ(audits.size(), 2u) << "the prompt in between is another";
  for (const Json& audit : audits) EXPECT_THAT(trend.text, HasSubstr(text(audit, "id") + "  "));
  EXPECT_EQ(audits[1].find("arms")->array("arms").size(), 1u);
  std::vector<std::string> changed;
  for (const Json& name : audits[1].find("changed")->array("changed")) changed.push_back(name.string("name"));
  EXPECT_THAT(changed, testing::IsSupersetOf({"settings kernels", "settings seed"}));

  EXPECT_EQ(both({"trend", "--last", "1"}, folder).json.find("audits")->array("audits").size(), 1u);
  const Finished page =
      run_program({"trend", "--html", folder / "trend.html", "--db", folder / "audits.sqlite"});
  EXPECT_EQ(page.out, trend.text);
  EXPECT_TRUE(std::filesystem::exists(folder / "trend.html"));
}

TEST(VerbJson, OfDbCheckSaysWhetherTheDatabaseIsWhole) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const Both whole = both({"db", "check"}, folder);
  EXPECT_TRUE(whole.json.find("whole")->boolean("whole"));
  EXPECT_THAT(whole.text, HasSubstr(fmt::format(": whole: {} audits, {} trials,",
                                                number(whole.json, "audits"), number(whole.json, "trials"))));
  EXPECT_EQ(text(whole.json, "database"), folder / "audits.sqlite");

  const std::string path = folder / "audits.sqlite";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t at = bytes.rfind("standard");
  ASSERT_NE(at, std::string::npos);
  file.seekp(static_cast<std::streamoff>(at));
  file << "Standard";
  file.close();
  const Both damaged = both({"db", "check"}, folder, 3);
  EXPECT_FALSE(damaged.json.find("whole")->boolean("whole"));
  EXPECT_TRUE(damaged.json.find("audits")->is_null());
  const Json::Array& problems = damaged.json.find("problems")->array("problems");
  EXPECT_EQ(problems.size(),
            static_cast<size_t>(std::count(damaged.text.begin(), damaged.text.end(), '\n')) - 1);
  EXPECT_THAT(damaged.text, HasSubstr(problems.at(0).string("problem")));
}

}  // namespace
}  // namespace ra
