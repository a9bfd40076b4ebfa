// What is no database of ours, or no longer a whole one (bad-inputs.md, B58 to B67).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/audit/store.h"
#include "core/audit/store_sql.h"
#include "core/error.h"
#include "tests/support/as_nobody.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

CallOutcome read(const std::string& path) {
  return outcome_of([&] { Store::open_reader(path).load("one"); });
}
CallOutcome write(const std::string& path) {
  return outcome_of([&] { Store::open_writer(path); });
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void set_content(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(database);
  sqlite3_close(database);
}

class StoreOpen : public testing::Test {
 protected:
  // One finished audit, "one".
  void make() {
    Script script;
    script.run_token = {{3, 4}};
    ScriptedAudit scripted = scripted_audit(scripted_spec(), script);
    scripted.audit.id = "one";
    Store store = Store::open_writer(path_);
    store.create(scripted.audit);
    run_audit(scripted.audit, scripted.arms(), store, scripted_options());
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "audits.db";
};

TEST_F(StoreOpen, WhatIsNoDatabaseIsBadInput) {
  set_content(path_, "This is no database, whatever its name says. " + std::string(2000, 'x'));
  EXPECT_EQ(read(path_).status, Exit::bad_input);
  EXPECT_EQ(write(path_).status, Exit::bad_input);
  set_content(path_, "");
  EXPECT_THAT(read(path_).message, HasSubstr("an empty file; expected a database"));
  EXPECT_EQ(write(path_).status, Exit::bad_input);
  EXPECT_EQ(content_of(path_), "");
  EXPECT_EQ(read(folder_ / "absent.db").status, Exit::bad_input);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "absent.db"));
  EXPECT_EQ(read(folder_.path()).status, Exit::bad_input) << "a folder";
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read(folder_ / "pipe").status, Exit::bad_input) << "a pipe, without waiting for its writer";
  EXPECT_EQ(write("/dev/zero").status, Exit::bad_input);
  std::filesystem::create_symlink("loop", folder_ / "loop");
  EXPECT_EQ(read(folder_ / "loop").status, Exit::bad_input);
}

TEST_F(StoreOpen, AnotherProgramsDatabaseIsBadInputAndUntouched) {
  run_sql(path_, "CREATE TABLE audits(id TEXT); PRAGMA user_version = 1");
  const std::string before = content_of(path_);
  EXPECT_THAT(write(path_).message, HasSubstr("another program's database"));
  EXPECT_EQ(read(path_).status, Exit::bad_input);
  EXPECT_EQ(content_of(path_), before);
}

TEST_F(StoreOpen, ANewerSchemaIsBadInputAndUntouched) {
  make();
  run_sql(path_, "PRAGMA user_version = 4");
  const std::string before = content_of(path_);
  EXPECT_THAT(write(path_).message,
              HasSubstr("schema version 4; expected 2 to 3 (a newer repro-audit made it)"));
  EXPECT_EQ(read(path_).status, Exit::bad_input);
  EXPECT_EQ(content_of(path_), before);
}

TEST_F(StoreOpen, AHostileSchemaIsRefused) {
  for (const char* change :
       {"CREATE TRIGGER t AFTER INSERT ON attempts BEGIN DELETE FROM streams; END",
        "CREATE VIEW v AS SELECT * FROM audits", "CREATE INDEX i ON attempts(trial)",
        "ALTER TABLE pieces RENAME TO p; CREATE VIEW pieces AS SELECT audit, token, bytes, seal FROM p",
        "ALTER TABLE attempts ADD COLUMN twice INTEGER AS (trial * 2)", "DROP TABLE pieces",
        "CREATE TABLE more(x CHECK (x < 1))"}) {
    std::filesystem::remove(path_);
    make();
    run_sql(path_, change);
    EXPECT_THAT(read(path_).message, HasSubstr("expected the schema of repro-audit, unchanged")) << change;
    EXPECT_EQ(write(path_).status, Exit::bad_input) << change;
  }
}

TEST_F(StoreOpen, AJournalModeThatCanCorruptIsRefused) {
  make();
  run_sql(path_, "PRAGMA journal_mode = WAL");
  EXPECT_EQ(write(path_).status, Exit::bad_input);
}

TEST_F(StoreOpen, NamesAreFileNamesWhateverTheyLookLike) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  for (const char* name : {":memory:", "file:x?mode=memory", "-db", "a\nb", "%41"}) {
    EXPECT_EQ(write(name).status, Exit::ok) << name;
    EXPECT_TRUE(std::filesystem::exists(name)) << name;
    set_content(name, "");
    EXPECT_THAT(read(name).message, Not(HasSubstr("\n"))) << "a message is one line";
  }
  std::filesystem::current_path(before);
  EXPECT_EQ(write("").status, Exit::usage);
  EXPECT_EQ(write(std::string("a\0b", 3)).status, Exit::usage);
}

TEST_F(StoreOpen, ATruncatedFileIsBadInputThatSaysWhatHelps) {
  make();
  const std::string whole = content_of(path_);
  for (size_t size :
       {whole.size() / 2, whole.size() - 1, whole.size() - 4096, size_t{4096}, size_t{100}, size_t{17}}) {
    set_content(path_, whole.substr(0, size));
    std::vector<std::string> problems;
    const CallOutcome opened = outcome_of([&] { problems = Store::open_reader(path_).verify(); });
    EXPECT_TRUE(opened.status == Exit::bad_input || !problems.empty()) << size;
    const CallOutcome loaded = read(path_);
    EXPECT_EQ(loaded.status, Exit::bad_input) << size;
    EXPECT_THAT(loaded.message, HasSubstr("db check")) << size;
    EXPECT_THAT(loaded.message, HasSubstr(".recover")) << size;
  }
}

TEST_F(StoreOpen, AFlippedByteIsFoundOrWithoutEffect) {
  make();
  const std::string whole = content_of(path_);
  const Audit expected = Store::open_reader(path_).load("one");
  int found = 0;
  constexpr int kFlips = 400;
  for (int i = 0; i < kFlips; ++i) {
    std::string bytes = whole;
    const size_t place = static_cast<size_t>(draw(5, 6, static_cast<uint64_t>(i), 0, whole.size()));
    bytes[place] = static_cast<char>(bytes[place] ^ (1 << draw(5, 7, static_cast<uint64_t>(i), 0, 8)));
    set_content(path_, bytes);
    const CallOutcome outcome = outcome_of([&] {
      const Store store = Store::open_reader(path_);
      const Audit audit = store.load("one");
      EXPECT_EQ(difference(audit, expected), "") << "byte " << place << " is wrong and nobody noticed";
    });
    if (outcome.status == Exit::ok) continue;
    ++found;
    EXPECT_EQ(outcome.status == Exit::usage ? Exit::bad_input : outcome.status, Exit::bad_input)
        << outcome.message;
  }
  EXPECT_GT(found, kFlips / 8) << "much of the file is content";
}

TEST_F(StoreOpen, AnEditedRowDoesNotMatchItsSeal) {
  make();
  run_sql(path_, "UPDATE sequences SET stream = 0 WHERE link = 3 AND arm = 0");
  EXPECT_THAT(read(path_).message,
              HasSubstr("table sequences, row 1 0 3 3: its seal does not match its content"));
  EXPECT_THAT(Store::open_reader(path_).verify(), Not(IsEmpty()));
}

TEST_F(StoreOpen, AForgedRowBreaksTheChain) {
  make();
  {
    Connection connection(path_, Access::write);
    std::vector<Value> values;
    {
      Rows row(connection, "sequences", "WHERE arm = 0 AND link = 3");
      ASSERT_TRUE(row.next());
      for (int i = 0; i < 7; ++i) values.emplace_back(row.integer(i));
      values.emplace_back(row.text(7));
    }
    values[6] = int64_t{0};  // another stream, and a seal that fits it
    connection.run("DELETE FROM sequences WHERE arm = 0 AND link = 3");
    insert(connection, "sequences", values);
  }
  EXPECT_THAT(read(path_).message, HasSubstr("the chain of arm 0 breaks at trial 3, sequence 0"));
  EXPECT_THAT(Store::open_reader(path_).verify(), Contains(HasSubstr("the chain of arm 0 breaks")));
}

TEST_F(StoreOpen, AMissingRowIsMissed) {
  const std::pair<const char*, const char*> cases[] = {
      {"sequences WHERE arm = 0 AND link = 7", "the chain of arm 0 breaks"},
      {"sequences WHERE link = (SELECT max(link) FROM sequences)", "a result of a finished trial is missing"},
      {"attempts WHERE serial = (SELECT max(serial) FROM attempts)", "a result without its attempt"},
      {"attempts WHERE serial = 3", "an attempt is missing"},
      {"streams WHERE stream = 1", "a stream before stream 2 is missing"},
      {"streams WHERE stream = (SELECT max(stream) FROM streams)",
       "a result of a sequence or stream that is not there"},
      {"pieces WHERE token = 40", "a token's bytes are missing"},
      {"arm_environment WHERE arm = 1", "its facts do not have the hash stored with them"},
      {"subject_facts WHERE topic = 'model'", "its facts do not have the hash stored with them"},
      {"prompt_pieces WHERE place = 8", "its facts do not have the hash stored with them"},
      {"arms WHERE arm = 1", "a turn of no arm"},
      {"probes WHERE probe = 1", "a probe is missing"},
      {"trials WHERE trial = 2", "a trial is missing"},
      {"planned_sequences WHERE trial = 20 AND place = 0", "a sequence of trial 20 is missing"},
      {"turns WHERE place = (SELECT max(place) FROM turns)", "expected every trial in every arm once"},
      {"choices WHERE choice_set = 0", "a launch's kernel choices are missing"},
      {"plans", "the plan of audit number 1: there is none"},
      {"segments", "no segment"},
  };
  for (const auto& [rows, message] : cases) {
    std::filesystem::remove(path_);
    make();
    run_sql(path_, std::string("DELETE FROM ") + rows);
    const CallOutcome loaded = read(path_);
    EXPECT_EQ(loaded.status, Exit::bad_input) << rows;
    EXPECT_THAT(loaded.message, HasSubstr(message)) << rows;
  }
}

TEST_F(StoreOpen, TwoNamesOfOneFileAreRefused) {
  make();
  std::filesystem::create_hard_link(path_, folder_ / "other.db");
  EXPECT_THAT(read(path_).message, HasSubstr("2 hard links"));
}

TEST_F(StoreOpen, ALinkLeadsToTheSameLock) {
  make();
  std::filesystem::create_symlink("audits.db", folder_ / "link.db");
  const Store writer = Store::open_writer(path_);
  EXPECT_EQ(write(folder_ / "link.db").status, Exit::storage);
  EXPECT_EQ(read(folder_ / "link.db").status, Exit::ok);
}

TEST_F(StoreOpen, ASecondWriterFailsAtOnceAndNamesTheFirst) {
  make();
  const Store first = Store::open_writer(path_);
  const CallOutcome second = write(path_);
  EXPECT_EQ(second.status, Exit::storage);
  EXPECT_THAT(second.message, HasSubstr("in use by process " + std::to_string(getpid()) + " on "));
  EXPECT_THAT(second.message, HasSubstr(" since 2"));
  EXPECT_EQ(read(path_).status, Exit::ok);
}

TEST_F(StoreOpen, TheLockOfAKilledWriterIsFreeAtOnce) {
  make();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Store writer = Store::open_writer(path_);
    [[maybe_unused]] const ssize_t written = ::write(ready[1], "x", 1);
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(write(path_).status, Exit::storage);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(write(path_).status, Exit::ok);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(StoreOpen, WhatMayNotBeWrittenIsAStorageErrorAndStillReadable) {
  make();
  chmod(path_.c_str(), 0444);
  chmod(folder_.path().c_str(), 0555);
  EXPECT_EQ(as_nobody([&] { return write(path_); }).status, Exit::storage);
  EXPECT_EQ(as_nobody([&] { return write(folder_ / "new.db"); }).status, Exit::storage);
  const CallOutcome reading = as_nobody([&] { return read(path_); });
  EXPECT_EQ(reading.status, Exit::ok) << reading.message;
  chmod(path_.c_str(), 0000);
  EXPECT_EQ(as_nobody([&] { return read(path_); }).status, Exit::bad_input);
  chmod(folder_.path().c_str(), 0755);
}

}  // namespace
}  // namespace ra
