// GGUF's metadata: every type of value is read, alone and in arrays, and what is too large is refused before it is
// believed (the list of what broke other readers).
#include "core/llm/gguf_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>

#include "core/llm/checkpoint.h"
#include "core/llm/gguf.h"
#include "tests/support/checkpoint_files.h"

namespace ra {
namespace {

constexpr uint32_t kArray = 9, kString = 8, kUint32 = 4;

struct TypedValue {
  uint32_t type;
  std::string bytes;
  std::variant<bool, uint64_t, int64_t, double, std::string> value;
};

// A value of each type that is no array, at the type's edge where it has one.
std::vector<TypedValue> values_of_all_types() {
  return {{0, "\xff", uint64_t{255}},
          {1, "\x80", int64_t{-128}},
          {2, "\xff\xff", uint64_t{65535}},
          {3, std::string("\x00\x80", 2), int64_t{-32768}},
          {4, u32(UINT32_MAX), uint64_t{UINT32_MAX}},
          {5, u32(0x80000000), int64_t{INT32_MIN}},
          {6, u32(std::bit_cast<uint32_t>(1.5f)), 1.5},
          {7, "\x01", true},
          {8, gguf_string("text"), std::string("text")},
          {10, u64(UINT64_MAX), UINT64_MAX},
          {11, u64(uint64_t{1} << 63), INT64_MIN},
          {12, u64(std::bit_cast<uint64_t>(-0.1)), -0.1}};
}

class GgufValues : public testing::Test {
 protected:
  GgufMetadata read(const GgufParts& parts) const {
    return read_gguf(InputFile::open(folder_.write("model.gguf", parts.bytes()))).metadata;
  }
  void expect_refused(const GgufParts& parts, const std::string& what) const {
    const std::string file = folder_.write("model.gguf", parts.bytes());
    expect_refusal(file, file, what);
  }
  CheckpointFolder folder_;
};

TEST_F(GgufValues, EveryTypeIsReadAloneAndInAnArray) {
  for (const TypedValue& typed : values_of_all_types()) {
    SCOPED_TRACE(gguf_type_name(typed.type));
    GgufParts parts = tiny_gguf();
    set_key(parts, "one", typed.type, typed.bytes);
    set_key(parts, "three", kArray, u32(typed.type) + u64(3) + typed.bytes + typed.bytes + typed.bytes);
    set_key(parts, "none", kArray, u32(typed.type) + u64(0));
    set_key(parts, "after", kString, gguf_string("what follows is in its place"));
    const GgufMetadata metadata = read(parts);
    const GgufValue& one = metadata.values().at("one");
    EXPECT_EQ(one.type, typed.type);
    std::visit([&](const auto& value) { EXPECT_TRUE(one.value == decltype(one.value)(value)); }, typed.value);
    EXPECT_EQ(metadata.array("three", typed.type)->count, 3u);
    EXPECT_EQ(metadata.array("none", typed.type)->count, 0u);
    EXPECT_EQ(*metadata.string("after"), "what follows is in its place");
  }
}

TEST_F(GgufValues, ArraysInArraysAreRefused) {
  GgufParts parts = tiny_gguf();
  set_key(parts, "nested", kArray, u32(kArray) + u64(1) + u32(kUint32) + u64(1) + u32(7));
  expect_refused(parts,
                 "found an array of array (9) for nested; expected an array of numbers, booleans or strings");
}

// Each tensor alone would fit a 64-bit count of bytes; together they wrap around to nothing.
TEST_F(GgufValues, SumsOfSizesThatWrapAreRefused) {
  GgufParts parts = tiny_gguf();
  const uint64_t quarter = uint64_t{1} << 60;  // elements: 2^62 bytes
  for (uint64_t i = 0; i < 4; ++i)
    parts.tensors[i] = gguf_tensor("t" + std::to_string(i), {quarter}, 0, i << 62);
  parts.tensors.resize(4);
  parts.data.clear();
  expect_refused(parts, "before the 4611686018427387904 bytes of tensor t0; expected a complete file");
}

TEST_F(GgufValues, ATokenLongerThan2GiBIsRefused) {
  GgufParts parts = tiny_gguf();
  const uint64_t length = (uint64_t{1} << 31) + 1;
  set_key(parts, "tokenizer.ggml.tokens", kArray, u32(kString) + u64(1) + u64(length));
  const std::string file = folder_.write("model.gguf", parts.bytes());
  if (truncate(file.c_str(), off_t{1} << 33) != 0) GTEST_SKIP() << "no sparse files here";
  expect_refusal(file, file, "found a string of 2147483649 bytes; expected at most 1073741824");
}

// A template is data: read, and never executed.
TEST_F(GgufValues, AHostileChatTemplateIsTextAndNoMore) {
  for (const std::string hostile :
       {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{{ x.__class__.__mro__ }}",
        "{% for i in range(100000000) %}{{ i }}{% endfor %}"}) {
    GgufParts parts = tiny_gguf();
    set_key(parts, "tokenizer.chat_template", kString, gguf_string(hostile));
    const std::string file = folder_.write("model.gguf", parts.bytes());
    const Opening opening = open_apart(file);
    EXPECT_EQ(opening.status, 0) << opening.message;
    EXPECT_LT(opening.seconds, 2);
    EXPECT_EQ(Checkpoint::open(file).tokenizer().chat_template, hostile);
  }
  GgufParts parts = tiny_gguf();
  set_key(parts, "tokenizer.chat_template", kString, gguf_string(std::string(6000, '(')));
  EXPECT_EQ(open_apart(folder_.write("model.gguf", parts.bytes())).status, 0);
}

// A shorter type in the place of a longer one would go unseen where the padding is as long as the difference.
TEST_F(GgufValues, PaddingThatIsNotZeroIsRefused) {
  GgufParts parts = tiny_gguf();
  parts.tensors[1] = gguf_tensor("blk.0.attn_norm.weight", {8}, 1, 512);  // F16 where F32 is
  expect_refused(parts, "found 0x3f as padding; expected zeros between tensors");
}

}  // namespace
}  // namespace ra
