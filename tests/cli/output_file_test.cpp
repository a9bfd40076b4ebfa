#include "cli/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

size_t files_in(const std::string& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(OutputFile, IsWrittenWholeAndReplacesAtomically) {
  const TemporaryFolder folder;
  const std::string path = (folder / "report.html");
  write_output(path, "first");
  EXPECT_EQ(content(path), "first");
  struct stat before {
  }, after{};
  ASSERT_EQ(stat(path.c_str(), &before), 0);
  std::ifstream reader(path);
  write_output(path, "second, and longer");
  EXPECT_EQ(content(path), "second, and longer");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "first")
      << "an open reader keeps the old file";
  ASSERT_EQ(stat(path.c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino);
  EXPECT_EQ(files_in(folder.path()), 1u) << "no temporary file stays";
}

TEST(OutputFile, HasTheModeThatTheUsersMaskGives) {
  const TemporaryFolder folder;
  const mode_t old = umask(027);
  write_output((folder / "a"), "x");
  umask(old);
  struct stat written {};
  ASSERT_EQ(stat((folder / "a").c_str(), &written), 0);
  EXPECT_EQ(written.st_mode & 0777, 0640u);
}

TEST(OutputFile, AFailureLeavesNothingBehind) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(Exit::storage, [&] { write_output((folder / "absent/report"), "x"); }),
              HasSubstr("No such file"));
  std::filesystem::create_directory((folder / "taken"));
  EXPECT_NE(refusal(Exit::storage, [&] { write_output((folder / "taken"), "x"); }), "accepted");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(OutputFile, WhatCannotBeMeantIsRefusedBeforehand) {
  const TemporaryFolder folder;
  const std::string existing = folder.write("existing.json", "{}");
  const auto check = [](const std::string& path, bool force, const std::string& input) {
    return refusal(Exit::usage, [&] { check_output("--json", path, force, {input}); });
  };
  EXPECT_THAT(check((folder / "."), true, ""), HasSubstr("a directory; expected a file"));
  EXPECT_THAT(check("/dev/null", true, ""), HasSubstr("no regular file"));
  EXPECT_THAT(check("", true, ""), HasSubstr("an empty path"));
  EXPECT_THAT(check(existing, false, ""), HasSubstr("the file exists; expected a new one, or --force"));
  EXPECT_EQ(check(existing, true, ""), "accepted");
  EXPECT_EQ(check((folder / "new.json"), false, ""), "accepted");
  EXPECT_EQ(check("-", false, ""), "accepted");
  EXPECT_THAT(check(existing, true, (folder / "./existing.json")), HasSubstr("also an input"));
  EXPECT_THAT(refusal(Exit::storage, [&] { check_output("--json", (folder / "absent/x"), true, {}); }),
              HasSubstr("expected a folder that can be written"));
}

}  // namespace
}  // namespace ra
