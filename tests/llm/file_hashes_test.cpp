// The memory of files' digests: when it is used, when not, and that damage to it does not matter.
#include "core/llm/file_hashes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/hash.h"
#include "core/llm/checkpoint_check.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

class FileHashes : public testing::Test {
 protected:
  // A file whose last change is `seconds` after 1970.
  std::string write(const std::string& name, const std::string& bytes, time_t seconds = 1'000'000'000) const {
    const std::string path = folder_.write(name, bytes);
    const timespec times[] = {{seconds, 7}, {seconds, 7}};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    return path;
  }
  std::string digest(const std::string& path) const {
    std::vector<InputFile> files;
    files.push_back(InputFile::open(path));
    return file_sha256(files, cache_).at(0);
  }

  CheckpointFolder folder_;
  std::string cache_ = folder_.file("cache/sha256");
};

TEST_F(FileHashes, AreSha256InTheFilesOrder) {
  std::vector<InputFile> files;
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string bytes(static_cast<size_t>(i) * 100'000, static_cast<char>('a' + i));
    files.push_back(InputFile::open(write(std::to_string(i), bytes)));
    expected.push_back(hex(sha256(bytes)));
  }
  EXPECT_EQ(file_sha256(files, ""), expected);
  EXPECT_EQ(file_sha256(files, cache_), expected);
  EXPECT_EQ(file_sha256(files, cache_), expected);
}

// The proof that the memory is used at all: content changed behind its back.
TEST_F(FileHashes, AreRememberedWhileSizeTimeAndInodeStayTheSame) {
  const std::string path = write("file", "one");
  const std::string one = hex(sha256("one")), two = hex(sha256("two"));
  EXPECT_EQ(digest(path), one);
  write("file", "two");
  EXPECT_EQ(digest(path), one);
  write("file", "two", 1'000'000'001);
  EXPECT_EQ(digest(path), two);
  write("file", "longer", 1'000'000'001);
  EXPECT_EQ(digest(path), hex(sha256("longer")));
  write("other", "banana", 1'000'000'001);
  std::filesystem::rename(folder_.file("other"), path);
  EXPECT_EQ(digest(path), hex(sha256("banana"))) << "another inode";
}

TEST_F(FileHashes, AFileChangedJustNowIsNotRemembered) {
  const std::string path = folder_.write("file", "one");
  EXPECT_EQ(digest(path), hex(sha256("one")));
  EXPECT_FALSE(std::filesystem::exists(cache_));
}

TEST_F(FileHashes, ADamagedMemoryIsIgnoredAndWrittenAnew) {
  const std::string path = write("file", "one"), one = hex(sha256("one"));
  EXPECT_EQ(digest(path), one);
  const std::string good = read_file(cache_);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    folder_.write("cache/sha256", bad);
    EXPECT_EQ(digest(path), one) << at;
    EXPECT_EQ(read_file(cache_), good) << at;
    folder_.write("cache/sha256", good.substr(0, at));
    EXPECT_EQ(digest(path), one) << at;
    EXPECT_EQ(read_file(cache_), good) << at;
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.file("cache")), {}), 1)
      << "no temporary file is left";
}

TEST_F(FileHashes, AMemoryThatCannotBeWrittenIsDoneWithout) {
  const std::string path = write("file", "one");
  cache_ = "/proc/none/sha256";
  EXPECT_EQ(digest(path), hex(sha256("one")));
  cache_ = folder_.path();  // a folder
  EXPECT_EQ(digest(path), hex(sha256("one")));
}

TEST_F(FileHashes, TheCheckDoesNotTrustThem) {
  const std::string bytes = tiny_gguf().bytes();
  const std::string path = write("model.gguf", bytes);
  EXPECT_EQ(Checkpoint::open(path).sha256(cache_), hex(sha256(bytes)));
  std::string changed = bytes;
  changed.back() = '\x3e';
  write("model.gguf", changed);
  EXPECT_EQ(Checkpoint::open(path).sha256(cache_), hex(sha256(bytes)));
  EXPECT_EQ(check_checkpoint(path, {}).sha256.at(0), hex(sha256(changed)));
}

}  // namespace
}  // namespace ra
