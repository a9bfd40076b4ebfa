// A text for the next process: whole under its title, or none.
#include "core/llm/cache_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

class CacheFile : public testing::Test {
 protected:
  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  CheckpointFolder folder_;
  std::string path_ = folder_.file("made/for it/timings");
};

TEST_F(CacheFile, GivesBackWhatWasWrittenUnderItsTitle) {
  EXPECT_EQ(read_cache_file(path_, "title 1"), "");
  write_cache_file(path_, "title 1", "one\ntwo\n");
  EXPECT_EQ(read_cache_file(path_, "title 1"), "one\ntwo\n");
  EXPECT_EQ(read_cache_file(path_, "title 2"), "");
  EXPECT_EQ(read_cache_file(path_, "title"), "");
  write_cache_file(path_, "title 1", "three\n");
  EXPECT_EQ(read_cache_file(path_, "title 1"), "three\n");
}

TEST_F(CacheFile, WithAnyByteChangedOrMissingIsNone) {
  write_cache_file(path_, "title 1", "one\ntwo\n");
  const std::string whole = bytes();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    write(damaged);
    EXPECT_EQ(read_cache_file(path_, "title 1"), "") << "byte " << i;
    write(whole.substr(0, i));
    EXPECT_EQ(read_cache_file(path_, "title 1"), "") << "cut at " << i;
  }
}

TEST_F(CacheFile, ThatCannotBeWrittenIsDoneWithout) {
  write_cache_file("", "title 1", "one\n");
  EXPECT_EQ(read_cache_file("", "title 1"), "");
  write_cache_file("/proc/no/such/folder/file", "title 1", "one\n");
  write_cache_file(path_, "title 1", std::string(8 << 20, 'x'));
  EXPECT_EQ(read_cache_file(path_, "title 1"), "");
}

}  // namespace
}  // namespace ra
