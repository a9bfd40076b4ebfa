#include "cli/clauses_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "reports/html_filing.h"
#include "tests/support/example_audit.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

const std::string kList = RA_SOURCE "/reports/clauses.toml";

TEST(ClausesFile, TheListOfThisProgramHasTheClausesOfThreeFrameworks) {
  const ClauseList list = read_clauses(kList);
  EXPECT_FALSE(list.version.empty());
  std::set<std::string> clauses;
  for (const Clause& clause : list.clauses) clauses.insert(clause.clause);
  EXPECT_EQ(clauses,
            std::set<std::string>({"Article 15(1)", "Annex IV, point 2(g)", "MEASURE 2.1", "MEASURE 2.3",
                                   "MEASURE 2.5", "MEASURE 2.13", "A.6.2.4", "A.6.2.7", "A.6.2.8"}));
}

TEST(ClausesFile, EverySectionThatItNamesIsAHeadingOfTheReport) {
  const ClauseList list = read_clauses(kList);
  const Audit audit = example_audit({.runs = 60});
  const std::string page = filing_report(audit, analyze(audit), {.clauses = list});
  for (const Clause& clause : list.clauses) {
    for (const std::string& section : clause.where)
      EXPECT_THAT(page, HasSubstr("<h2>" + section + "</h2>")) << clause.clause;
  }
}

TEST(ClausesFile, ItClaimsNothing) {
  for (const Clause& clause : read_clauses(kList).clauses) {
    for (const char* word : {"onform", "omplian", "omplies", "ertif", "guarantee"})
      EXPECT_EQ(clause.evidence.find(word), std::string::npos) << clause.clause << ": " << word;
  }
}

TEST(ClausesFile, RefusesWithFileAndLine) {
  const TemporaryFolder folder;
  const std::string whole =
      "version = '1'\n[[clause]]\nframework = 'f'\nclause = 'c'\ntopic = 't'\nevidence = 'e'\nwhere = "
      "['w']\n";
  EXPECT_EQ(read_clauses(folder.write("clauses.toml", whole)).clauses.size(), 1u);
  const auto with = [&](const std::string& part, const std::string& other) {
    return std::string(whole).replace(whole.find(part), part.size(), other);
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", ":1: no \"version\"; expected one"},
      {"version = '1'\n", ":1: no [[clause]]; expected at least one"},
      {"version = '1'\nclause = 'c'\n", ":2: no [[clause]]"},
      {with("version = '1'", "version = 1"), ":1: version: no text; expected one that is not empty"},
      {with("topic = 't'\n", ""), ":2: no \"topic\"; expected one"},
      {with("evidence = 'e'", "evidence = ''"), ":6: evidence: no text"},
      {with("where = ['w']", "where = []"), ":7: where: no list of texts; expected at least one"},
      {with("where = ['w']", "where = 'w'"), ":7: where: no list of texts"},
      {with("where = ['w']", "where = ['w', 3]"), ":7: where: no text"},
      {with("topic", "topics"),
       ":5: unknown key \"topics\"; expected one of framework, clause, topic, evidence, where"},
      {whole + "topic = 'again'\n", ":8: "},
      {"version = '1'\nauthor = 'x'\n", ":2: unknown key \"author\"; expected one of version, clause"},
  };
  for (const auto& [text, message] : cases) {
    const std::string path = folder.write("clauses.toml", text);
    EXPECT_THAT(refusal(Exit::usage, [&] { read_clauses(path); }), HasSubstr(path + message)) << text;
  }
}

}  // namespace
}  // namespace ra
