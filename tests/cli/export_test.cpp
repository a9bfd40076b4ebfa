// An audit that leaves its database and comes into another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string_view>

#include "core/gzip.h"
#include "core/hash.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> in(const std::string& database, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--db", database});
  return arguments;
}

// The one line on stderr.
std::string refusal(int status, const std::vector<std::string>& arguments) {
  const Finished finished = run_program(arguments);
  EXPECT_EQ(finished.status, status) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  return finished.err;
}

// The file of an audit that was begun a century later, its sum made anew.
std::string begun_later(const std::string& file) {
  std::string text = gunzip(file, "file", 64 << 20);
  const size_t begun = text.find(R"({"kind":"segment","started":"20)") + 29;
  text[begun + 1] = '1';
  const size_t end = text.rfind("{\"kind\":\"end\"");
  const size_t sum = text.find("\"sha256\":\"", end) + 10;
  text.replace(sum, 64, hex(sha256(std::string_view(text).substr(0, end))));
  return gzip(text);
}

TEST(ExportImport, AnotherDatabaseHoldsTheSameAudit) {
  const TemporaryFolder folder;
  const std::string here = folder / "audits.sqlite", there = folder / "there.sqlite";
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const std::string file = folder / "audit.jsonl.gz";
  const Finished exported = run_program(in(here, {"export", "latest", file}));
  ASSERT_EQ(exported.status, 0) << exported.err;
  EXPECT_EQ(exported.out + exported.err, "");
  EXPECT_EQ(run_program(in(here, {"export", "latest", "-"})).out, content(file));

  const Finished imported = run_program(in(there, {"import", file}));
  EXPECT_EQ(imported.status, 0) << imported.err;
  EXPECT_THAT(imported.out, HasSubstr(": imported, every hash and chain checked\n"));
  for (const char* report : {"--json", "--html", "--markdown"}) {
    EXPECT_EQ(run_program(in(there, {"report", report, "-"})).out,
              run_program(in(here, {"report", report, "-"})).out)
        << report;
  }
  EXPECT_EQ(run_program(in(there, {"export", "latest", "-"})).out, content(file));
  EXPECT_EQ(run_program(in(there, {"db", "check"})).status, 0);
  EXPECT_THAT(run_program(in(there, {"import", file})).out, HasSubstr("already in the database, equal"));

  const std::string other = folder / "other.jsonl.gz";
  std::ofstream(other, std::ios::binary) << begun_later(content(file));
  EXPECT_THAT(refusal(8, in(here, {"import", other})), HasSubstr("in the database with other content"));
}

TEST(ExportImport, WhatIsNoExportFileIsRefusedAndLeavesNoDatabase) {
  const TemporaryFolder folder;
  const std::string database = folder / "new.sqlite";
  const auto refused = [&](const std::string& path) {
    const std::string line = refusal(3, in(database, {"import", path}));
    EXPECT_FALSE(std::filesystem::exists(database));
    return line;
  };
  EXPECT_THAT(refused(folder.write("empty", "")), HasSubstr("empty@0: no gzip file; expected"));
  EXPECT_THAT(refused(folder.write("text", "hello")), HasSubstr("text@0: no gzip file; expected"));
  EXPECT_THAT(refused(folder / "absent"), HasSubstr("absent"));
  EXPECT_THAT(refused(folder.path()), HasSubstr("a directory"));
  EXPECT_THAT(refused("/dev/zero"), HasSubstr("a device"));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refused(folder / "pipe"), HasSubstr("a FIFO"));
}

TEST(ExportImport, AnExportFileThatCannotBeMeantIsRefused) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const std::string database = folder / "audits.sqlite";
  EXPECT_THAT(refusal(2, in(database, {"export", "latest"})), HasSubstr("an audit and a file are needed"));
  EXPECT_THAT(refusal(2, in(database, {"export", "latest", folder.write("old", "x")})),
              HasSubstr("the file exists"));
  EXPECT_EQ(run_program(in(database, {"export", "latest", folder / "old", "--force"})).status, 0);
  EXPECT_THAT(content(folder / "old"), StartsWith("\x1f\x8b"));
  EXPECT_THAT(refusal(2, in(database, {"export", "latest", database, "--force"})),
              HasSubstr("also an input"));
  EXPECT_THAT(refusal(2, in(database, {"export", "none", folder / "new"})), HasSubstr("there is none"));
}

}  // namespace
}  // namespace ra
