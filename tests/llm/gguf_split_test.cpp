// Models in several GGUF files: read as one, and every way in which the parts may disagree.
#include "core/llm/gguf_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/llm/checkpoint.h"
#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

constexpr uint32_t kUint16 = 2, kUint32 = 4;

std::string u16(uint32_t value) {
  return u32(value).substr(0, 2);
}

class GgufSplit : public testing::Test {
 protected:
  std::string name(size_t i) const { return SplitName{"model", i + 1, 3}.text(); }
  std::string write() const {
    for (size_t i = 0; i < parts_.size(); ++i) folder_.write(name(i), parts_[i].bytes());
    return folder_.file(name(0));
  }
  void expect_refused(size_t part, const std::string& what) {
    expect_refusal(write(), folder_.file(name(part)), what);
  }

  std::vector<GgufParts> parts_ = tiny_gguf_split();
  CheckpointFolder folder_;
};

TEST(SplitName, IsLlamaCppsPattern) {
  const auto name = parse_split_name("a-b-00001-of-00003.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->prefix, "a-b");
  EXPECT_EQ(name->number, 1u);
  EXPECT_EQ(name->count, 3u);
  EXPECT_EQ(name->text(), "a-b-00001-of-00003.gguf");
  for (const char* text : {"", "a.gguf", "-00001-of-00003.gguf", "a-0001-of-00003.gguf",
                           "a-00001-of-0000x.gguf", "a-00001-of-00003.bin", "a-00001_of-00003.gguf"}) {
    EXPECT_FALSE(parse_split_name(text)) << text;
  }
}

TEST_F(GgufSplit, IsReadAsOneModel) {
  const Checkpoint split = Checkpoint::open(write());
  const Checkpoint whole = Checkpoint::open(folder_.write("whole.gguf", tiny_gguf().bytes()));
  EXPECT_EQ(split.files().size(), 3u);
  ASSERT_EQ(split.tensors().size(), whole.tensors().size());
  for (const Role role : {Role::embed, Role::o, Role::down, Role::final_norm}) {
    const RowSource a = split.parts(role, 0).at(0), b = whole.parts(role, 0).at(0);
    ASSERT_EQ(a.rows, b.rows);
    std::vector<float> left(static_cast<size_t>(a.rows * a.columns)), right(left.size());
    a.read(0, a.rows, left.data());
    b.read(0, b.rows, right.data());
    EXPECT_EQ(left, right);
  }
  EXPECT_TRUE(split.warnings().empty());
}

TEST_F(GgufSplit, TheFirstPartIsTheOneToGive) {
  write();
  const std::string second = folder_.file(name(1));
  expect_refusal(second, second, "found part 2 of 3; expected the first, model-00001-of-00003.gguf");
  const std::string renamed = folder_.write("model.gguf", parts_[0].bytes());
  expect_refusal(renamed, renamed, "found one of 3 parts; expected a name that ends in -00001-of-00003.gguf");
}

TEST_F(GgufSplit, AMissingPartIsNamed) {
  write();
  std::filesystem::remove(folder_.file(name(2)));
  expect_refusal(folder_.file(name(0)), folder_.file(name(2)), "No such file");
}

TEST_F(GgufSplit, PartsThatDisagreeAreRefused) {
  set_split(parts_[1], 2, 3, 11);
  expect_refused(1, "found split.no 2; expected 1");
  set_split(parts_[1], 1, 4, 11);
  expect_refused(1, "found another split.count than in");
  set_split(parts_[1], 1, 3, 12);
  expect_refused(1, "found another split.tensors.count than in");
  set_split(parts_[1], 1, 3, 11);
  set_key(parts_[1], "llama.block_count", kUint32, u32(2));
  expect_refused(1, "found another llama.block_count than in");
  set_key(parts_[1], "llama.block_count", kUint32, u32(1));
  EXPECT_EQ(Checkpoint::open(write()).tensors().size(), 11u);
  set_key(parts_[1], "llama.attention.scale", kUint32, u32(1));
  expect_refused(1, "found another llama.attention.scale than in");
}

TEST_F(GgufSplit, CountsAreCheckedAgainstTheTensors) {
  for (uint32_t i = 0; i < 3; ++i) set_split(parts_[i], i, 3, 12);
  expect_refused(0, "found split.tensors.count 12; expected 11, as the parts have together");
  parts_ = tiny_gguf_split();
  parts_[2].keys.pop_back();
  expect_refused(2, "found no split.tensors.count");
  parts_ = tiny_gguf_split();
  parts_[2].keys.erase(parts_[2].keys.begin());
  expect_refused(2, "found no split.no");
  parts_ = tiny_gguf_split();
  set_key(parts_[0], "split.count", kUint16, u16(65535));
  expect_refused(0, "found split.count 65535; expected 1 to 512");
  set_key(parts_[0], "split.count", kUint16, u16(0));
  expect_refused(0, "found split.count 0; expected 1 to 512");
}

TEST_F(GgufSplit, ATensorInTwoPartsIsRefused) {
  parts_[2].tensors[0] = parts_[1].tensors[0];
  expect_refused(2, "again; expected it in one part");
}

TEST_F(GgufSplit, APartThatIsALinkElsewhereIsRefused) {
  write();
  const CheckpointFolder other;
  std::filesystem::rename(folder_.file(name(1)), other.file("part"));
  std::filesystem::create_symlink(other.file("part"), folder_.file(name(1)));
  expect_refusal(folder_.file(name(0)), folder_.file(name(1)), "found a link to " + other.file("part"));
}

}  // namespace
}  // namespace ra
