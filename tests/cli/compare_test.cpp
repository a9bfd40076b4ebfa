// Comparing, baselines and pruning by the real program: what a nightly job does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/export.h"
#include "core/audit/store.h"
#include "core/audit/store_codec.h"
#include "core/json.h"
#include "tests/cli/program.h"
#include "tests/support/chained_audit.h"

namespace ra {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Compare : public testing::Test {
 protected:
  Finished in_database(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--db", database_});
    return run_program(arguments);
  }
  Finished audit(const std::vector<std::string>& more = {}) const {
    return run_program(tiny_audit(folder_, more));
  }
  Audit latest() const {
    const Store store = Store::open_reader(database_);
    return store.load(store.resolve("latest"));
  }
  size_t audits() const { return Store::open_reader(database_).list().size(); }

  // Adds it under another id, with chains that fit.
  void add(Audit changed, const std::string& id) const {
    rename_audit(changed, id);
    const std::string file = folder_.write(id + ".jsonl.gz", export_audit(changed));
    const Finished imported = in_database({"import", file});
    ASSERT_EQ(imported.status, 0) << imported.err;
  }

  // As if every run of the arm had once written another token at place 3.
  static Audit with_other_token(Audit audit, const std::string& arm) {
    const std::vector<Stream> streams = audit.streams;
    std::map<int32_t, int32_t> others;
    for (SequenceFact& fact : audit.sequences) {
      const Stream& stream = streams[static_cast<size_t>(fact.stream)];
      if (audit.arms[static_cast<size_t>(fact.arm)].name != arm || stream.tokens.empty()) continue;
      const auto [other, is_new] =
          others.try_emplace(fact.stream, static_cast<int32_t>(audit.streams.size()));
      if (is_new) {
        std::vector<int32_t> tokens = stream.tokens;
        std::vector<StepRecord> steps = stream.steps;
        tokens[3] = (tokens[3] + 1) % audit.plan.spec.vocab;
        steps[3].digest ^= 1;
        audit.streams.push_back(stream_of(tokens, steps, stream.end));
      }
      fact.stream = other->second;
    }
    return audit;
  }

  TemporaryFolder folder_;
  std::string database_ = folder_ / "audits.sqlite";
};

TEST_F(Compare, ANightlyJobIsOneCommand) {
  ASSERT_EQ(audit().status, 0);
  const Finished set = in_database({"baseline", "set", "latest", "nightly"});
  EXPECT_EQ(set.status, 0) << set.err;
  EXPECT_EQ(set.out, "baseline nightly: audit " + latest().id + "\n");
  const Finished same = audit({"--baseline", "nightly"});
  EXPECT_EQ(same.status, 0) << same.err;
  EXPECT_THAT(same.out,
              HasSubstr("Same: every stream that both have done has equal tokens and equal logits.\n"));
  EXPECT_THAT(in_database({"baseline", "list"}).out, HasSubstr("nightly  "));
  const Json list = parse_json(in_database({"baseline", "list", "--json"}).out, "list");
  EXPECT_EQ(list.find("baselines")->array("baselines").at(0).find("name")->string("name"), "nightly");
  EXPECT_THAT(in_database({"baseline", "show", "nightly"}).out, HasSubstr("\ninvariant: identical\n"));
  const Finished none = audit({"--baseline", "other"});
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("baseline 'other' in "));
}

TEST_F(Compare, APlantedRegressionIsCaughtAndNamed) {
  ASSERT_EQ(audit().status, 0);
  add(with_other_token(latest(), "invariant"), "planted");
  ASSERT_EQ(in_database({"baseline", "set", "planted", "nightly"}).status, 0);
  const Finished found = audit({"--baseline", "nightly"});
  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.err, HasSubstr("\nrepro-audit: baseline nightly: invariant "));
  EXPECT_THAT(
      found.err,
      HasSubstr(" streams differ in tokens, first at token 3 in trial 0 (solo, batch size 1); if that is "
                "meant, `repro-audit baseline set " +
                latest().id + " nightly --db "));
  EXPECT_THAT(found.out, HasSubstr("\nstandard (opaque): same\n"));
  EXPECT_THAT(found.out, HasSubstr("\ninvariant (cpu-fma512/1): different\n"));
  const Finished compared = in_database({"compare", "nightly"});
  EXPECT_EQ(compared.status, 1);
  EXPECT_THAT(found.out, EndsWith(compared.out.substr(compared.out.find('\n', 80))));
}

TEST_F(Compare, AfterALibraryUpdateTheMessageSaysWhatChangedAndHowToGoOn) {
  ASSERT_EQ(audit().status, 0);
  Audit before = with_other_token(latest(), "standard");
  for (Arm& arm : before.arms) arm.facts.environment["blas"] = "OpenBLAS 0.0.1";
  add(before, "before");
  ASSERT_EQ(in_database({"baseline", "set", "before"}).status, 0);
  const Finished found = audit({"--baseline", "default"});
  EXPECT_EQ(found.status, 8);
  EXPECT_THAT(found.err,
              HasSubstr("baseline default: standard is not comparable: blas was \"OpenBLAS 0.0.1\", is "));
  EXPECT_THAT(found.out,
              HasSubstr("\n  first parting     trial 0 (solo, batch size 1), sequence 0, token 3: "))
      << "what the update changed";
  EXPECT_THAT(found.out, HasSubstr("\ninvariant (cpu-fma512/1): same\n"));
  // The command that it names, as it stands there.
  const size_t begin = found.err.find("`repro-audit ") + 13;
  std::vector<std::string> words;
  std::istringstream command(found.err.substr(begin, found.err.find('`', begin) - begin));
  for (std::string word; command >> word;) words.push_back(word);
  EXPECT_EQ(run_program(words).status, 0);
  EXPECT_EQ(audit({"--baseline", "default"}).status, 0);
}

TEST_F(Compare, AnotherPromptIsNotComparableAndNotEvenRun) {
  ASSERT_EQ(audit().status, 0);
  ASSERT_EQ(in_database({"baseline", "set", "latest", "nightly"}).status, 0);
  std::vector<std::string> arguments = tiny_audit(folder_, {"--baseline", "nightly"});
  arguments[4] = folder_.write("other.json", "[168, 245, 37, 80, 125]");
  const Finished found = run_program(arguments);
  EXPECT_EQ(found.status, 8);
  EXPECT_THAT(found.err, HasSubstr("error: baseline nightly: not comparable: another prompt: 5 tokens "));
  EXPECT_EQ(audits(), 1u);
}

TEST_F(Compare, TakesExportFilesBaselinesAndIds) {
  ASSERT_EQ(audit().status, 0);
  const std::string file = folder_ / "a.jsonl.gz";
  ASSERT_EQ(in_database({"export", "latest", file}).status, 0);
  ASSERT_EQ(audit({"--seed", "2"}).status, 0);
  ASSERT_EQ(in_database({"baseline", "set", "latest", "b"}).status, 0);
  const Finished files = run_program({"compare", file, file});
  EXPECT_EQ(files.status, 0) << "no database is needed: " << files.err;
  const Finished found = in_database({"compare", file, "b", "--json"});
  EXPECT_EQ(found.status, 0) << found.out << found.err;
  const Json json = parse_json(found.out, "comparison");
  EXPECT_EQ(json.find("b")->find("name")->string("name"), "baseline b");
  EXPECT_FALSE(json.find("same_plan")->boolean("same_plan"));
  EXPECT_EQ(in_database({"compare", latest().id, "latest"}).status, 0);
  for (const auto& [word, status] :
       std::map<std::string, int>{{"none", 2}, {folder_ / "absent", 3}, {"x.gz", 3}}) {
    const Finished refused = in_database({"compare", word});
    EXPECT_EQ(refused.status, status) << word;
    EXPECT_EQ(refused.out, "");
  }
  EXPECT_EQ(run_program({"compare"}).status, 2);
}

TEST_F(Compare, PruneKeepsTheLastAndEveryBaseline) {
  ASSERT_EQ(audit().status, 0);
  const Audit first = latest();
  for (const char* id : {"two", "three", "four"}) add(first, id);
  ASSERT_EQ(in_database({"baseline", "set", "two", "nightly"}).status, 0);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"db", "prune"},
                                                    {"db", "prune", "--keep", "1", "--older-than", "1"},
                                                    {"db", "prune", "--keep", "-1"}}) {
    EXPECT_EQ(in_database(arguments).status, 2);
  }
  const std::string gone = first.id + "\nthree\n";
  EXPECT_EQ(in_database({"db", "prune", "--keep", "1", "--dry-run"}).out,
            gone + database_ + ": 2 audits would go\n");
  EXPECT_EQ(audits(), 4u);
  EXPECT_EQ(in_database({"db", "prune", "--older-than", "1"}).out, database_ + ": 0 audits removed\n");
  const Finished pruned = in_database({"db", "prune", "--keep", "1"});
  EXPECT_EQ(pruned.out, gone + database_ + ": 2 audits removed\n") << pruned.err;
  EXPECT_EQ(audits(), 2u);
  EXPECT_EQ(in_database({"db", "check"}).status, 0);
  EXPECT_EQ(in_database({"compare", "nightly", "four"}).status, 0);
  EXPECT_EQ(in_database({"baseline", "rm", "nightly"}).status, 0);
  EXPECT_EQ(in_database({"baseline", "rm", "nightly"}).status, 2);
  EXPECT_EQ(in_database({"db", "prune", "--keep", "0"}).status, 0);
  EXPECT_EQ(audits(), 0u);
}

TEST_F(Compare, NothingMakesADatabaseThatIsNotThere) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"baseline", "set", "latest"},
                                                    {"baseline", "list"},
                                                    {"baseline", "rm", "x"},
                                                    {"compare", "a", "b"},
                                                    {"db", "prune", "--keep", "1"}}) {
    EXPECT_EQ(in_database(arguments).status, 3);
  }
  EXPECT_FALSE(std::filesystem::exists(database_));
}

}  // namespace
}  // namespace ra
