// Baselines, the removal of audits, and databases of the version before there were baselines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "core/audit/export.h"
#include "core/audit/store.h"
#include "tests/support/refusal.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

std::vector<std::string> ids(const Store& store) {
  std::vector<std::string> found;
  for (const AuditSummary& audit : store.list()) found.push_back(audit.id);
  return found;
}

class StoreBaseline : public testing::Test {
 protected:
  void add(const std::string& id, bool whole = true) {
    ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
    scripted.audit.id = id;
    Store store = Store::open_writer(path_);
    store.create(scripted.audit);
    if (whole) run_audit(scripted.audit, scripted.arms(), store, scripted_options());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "audits.db";
};

TEST_F(StoreBaseline, ANameLeadsToAnAuditUntilItGoesToAnother) {
  add("one");
  add("two");
  Store store = Store::open_writer(path_);
  EXPECT_THAT(store.baselines(), IsEmpty());
  store.set_baseline("nightly", "one");
  store.set_baseline("a", "one");
  EXPECT_EQ(store.baseline("nightly").audit, "one");
  EXPECT_THAT(store.baseline("nightly").set, testing::MatchesRegex("2[0-9-]+T[0-9:]+Z"));
  store.set_baseline("nightly", "two");
  EXPECT_EQ(store.baseline("nightly").audit, "two");
  ASSERT_EQ(store.baselines().size(), 2u);
  EXPECT_EQ(store.baselines()[0].name, "a") << "by name";
  EXPECT_THAT(refusal(Exit::usage, [&] { store.baseline("nigthly"); }), HasSubstr("shows, perhaps nightly"));
  store.remove_baseline("a");
  EXPECT_EQ(store.baselines().size(), 1u);
  EXPECT_THAT(ids(store), ElementsAre("one", "two")) << "the audit stays";
  EXPECT_THAT(store.verify(), IsEmpty());
}

TEST_F(StoreBaseline, WhatCannotBeOneIsRefused) {
  add("one");
  add("begun", false);
  Store store = Store::open_writer(path_);
  EXPECT_THAT(refusal(Exit::usage, [&] { store.baseline("x"); }), HasSubstr("baseline 'x' in "));
  EXPECT_THAT(refusal(Exit::usage, [&] { store.remove_baseline("x"); }), HasSubstr("there is none"));
  EXPECT_THAT(refusal(Exit::usage, [&] { store.set_baseline("x", "none"); }), HasSubstr("'none': not in"));
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("\x1b"), std::string(101, 'a')})
    EXPECT_THAT(refusal(Exit::usage, [&] { store.set_baseline(name, "one"); }),
                HasSubstr("other characters"));
  EXPECT_THAT(refusal(Exit::incomplete, [&] { store.set_baseline("x", "begun"); }),
              HasSubstr("audit begun: 0 of "));
  EXPECT_THAT(store.baselines(), IsEmpty());
}

TEST_F(StoreBaseline, RemovedAuditsAreGoneWithAllOfTheirsAndTheirSpaceIsBack) {
  for (const char* id : {"one", "two", "three"}) add(id);
  Store store = Store::open_writer(path_);
  const std::string before = export_audit(store.load("two"));
  const auto size = std::filesystem::file_size(path_);
  store.remove({"one", "three"});
  EXPECT_THAT(ids(store), ElementsAre("two"));
  EXPECT_EQ(export_audit(store.load("two")), before);
  EXPECT_THAT(store.verify(), IsEmpty());
  EXPECT_LT(std::filesystem::file_size(path_), size);
  refusal(Exit::usage, [&] { store.load("one"); });
  ScriptedAudit scripted = scripted_audit(scripted_spec(), {});
  scripted.audit.id = "one";
  store.create(scripted.audit);
  EXPECT_TRUE(store.load("one").attempts.empty()) << "nothing of the removed one came back";
}

TEST_F(StoreBaseline, ABaselinesAuditIsNotRemovedNorAnyBesideIt) {
  add("one");
  add("two");
  Store store = Store::open_writer(path_);
  store.set_baseline("nightly", "two");
  EXPECT_THAT(refusal(Exit::usage,
                      [&] {
                        store.remove({"one", "two"});
                      }),
              HasSubstr("audit two: baseline nightly"));
  refusal(Exit::usage, [&] { store.remove({"one", "none"}); });
  EXPECT_THAT(ids(store), ElementsAre("one", "two")) << "all or none";
}

TEST_F(StoreBaseline, AnEditedBaselineDoesNotMatchItsSeal) {
  add("one");
  add("two");
  Store::open_writer(path_).set_baseline("nightly", "one");
  run_sql(path_, "UPDATE baselines SET audit = 2");
  const Store store = Store::open_reader(path_);
  EXPECT_THAT(refusal([&] { store.baselines(); }), HasSubstr("table baselines"));
  EXPECT_THAT(store.verify(), Not(IsEmpty()));
}

class StoreVersion2 : public StoreBaseline {
 protected:
  void SetUp() override {
    add("one");
    run_sql(path_, "DROP TABLE baselines; PRAGMA user_version = 2");
  }
};

TEST_F(StoreVersion2, IsReadAsItIs) {
  const std::string before = [&] {
    const Store store = Store::open_reader(path_);
    EXPECT_THAT(store.verify(), IsEmpty());
    EXPECT_THAT(store.baselines(), IsEmpty());
    return export_audit(store.load("one"));
  }();
  const Store store = Store::open_writer(path_);
  EXPECT_EQ(export_audit(store.load("one")), before);
}

TEST_F(StoreVersion2, BecomesVersion3ByItsFirstWriter) {
  Store::open_writer(path_).set_baseline("nightly", "one");
  const Store store = Store::open_reader(path_);
  EXPECT_EQ(store.baseline("nightly").audit, "one");
  EXPECT_THAT(store.verify(), IsEmpty());
  add("two");
  EXPECT_THAT(ids(store), ElementsAre("one", "two"));
}

TEST_F(StoreVersion2, WithAnotherTableIsRefusedAndUntouched) {
  run_sql(path_, "CREATE TABLE baselines(name TEXT)");
  EXPECT_THAT(refusal([&] { Store::open_writer(path_); }), HasSubstr("other tables than version 2 has"));
  EXPECT_THAT(refusal([&] { Store::open_reader(path_); }), HasSubstr("other tables than version 2 has"));
}

TEST_F(StoreVersion2, WithoutTheTableOfVersion3IsNoVersion3) {
  run_sql(path_, "PRAGMA user_version = 3");
  EXPECT_THAT(refusal([&] { Store::open_reader(path_); }), HasSubstr("other tables than version 3 has"));
}

}  // namespace
}  // namespace ra
