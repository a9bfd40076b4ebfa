// The check of every byte: hashes of tensors, values that are no numbers, and an index against its files.
#include "core/llm/checkpoint_check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CheckpointChecks : public testing::Test {
 protected:
  // The tiny model in two files; `second` are the tensors of the other one.
  void write_shards(const std::vector<TinyTensor>& first, const std::vector<TinyTensor>& second) {
    const auto [a_header, a_data] = tiny_safetensors(first);
    const auto [b_header, b_data] = tiny_safetensors(second);
    folder_.write("a.safetensors", safetensors_bytes(a_header, a_data));
    folder_.write("b.safetensors", safetensors_bytes(b_header, b_data));
  }
  void write_index(const std::string& total_size, const Members& map) {
    std::string text;
    for (const auto& [tensor, file] : map)
      text += fmt::format("{}\"{}\":\"{}\"", text.empty() ? "" : ",", tensor, file);
    folder_.write("model.safetensors.index.json",
                  R"({"metadata":{"total_size":)" + total_size + R"(},"weight_map":{)" + text + "}}");
  }
  std::vector<std::string> findings() const { return check_checkpoint(folder_.path(), {}).findings; }
  std::string index() const { return folder_.file("model.safetensors.index.json"); }

  CheckpointFolder folder_;
};

TEST_F(CheckpointChecks, HashesEveryTensorsBytes) {
  uint64_t last = 0, all = 0;
  const CheckpointCheck check =
      check_checkpoint(golden_path("llama3-scaled-fp32-sharded"), [&](uint64_t done, uint64_t total) {
        EXPECT_GT(done, last);
        last = done;
        all = total;
      });
  EXPECT_THAT(check.findings, IsEmpty());
  EXPECT_EQ(check.files.size(), 4u);
  EXPECT_EQ(check.tensors.size(), 30u);
  EXPECT_EQ(last, all);
  // In a file whose tensors fill it one after the other, the hashes of the pieces tell the file's.
  const std::string whole = read_file(check.files.at(0).path);
  EXPECT_EQ(check.sha256.at(0), hex(sha256(whole)));
  uint64_t length = 0;
  std::memcpy(&length, whole.data(), sizeof length);
  size_t at = 8 + length;
  for (const CheckedTensor& tensor : check.tensors) {
    if (tensor.file != 0) continue;
    EXPECT_EQ(tensor.sha256, hex(sha256(std::string_view(whole).substr(at, tensor.bytes)))) << tensor.name;
    EXPECT_EQ(tensor.nan, 0u);
    at += tensor.bytes;
  }
  EXPECT_EQ(at, whole.size());
}

TEST_F(CheckpointChecks, CountsWhatIsNoNumber) {
  write_tiny_folder(folder_);
  auto tensors = tiny_safetensors_tensors();
  auto [header, data] = tiny_safetensors(tensors);
  data.replace(0, 12, u32(0x7fc00000) + u32(0xffffffff) + u32(0xff800000));
  data.replace(data.size() - 4, 4, u32(0x7f800000));
  folder_.write("model.safetensors", safetensors_bytes(header, data));
  const CheckpointCheck check = check_checkpoint(folder_.path(), {});
  EXPECT_EQ(check.tensors.front().nan, 2u);
  EXPECT_EQ(check.tensors.front().infinite, 1u);
  EXPECT_EQ(check.tensors.back().infinite, 1u);
  const std::string file = folder_.file("model.safetensors");
  EXPECT_THAT(
      check.findings,
      ElementsAre(
          file + ": tensor model.embed_tokens.weight: found 2 NaN and 1 infinite values; expected numbers",
          file + ": tensor model.norm.weight: found 0 NaN and 1 infinite values; expected numbers"));
}

// A Q8_0 block whose scale is no number: 32 values that are none.
TEST_F(CheckpointChecks, CountsTheValuesOfBlocks) {
  GgufParts parts = tiny_gguf();
  parts.tensors.push_back(gguf_tensor("blocks", {64}, 8, parts.data.size()));
  parts.data +=
      std::string("\x00\x7e", 2) + std::string(32, '\1') + std::string("\x00\x3c", 2) + std::string(32, '\1');
  const CheckpointCheck check = check_checkpoint(folder_.write("model.gguf", parts.bytes()), {});
  EXPECT_EQ(check.tensors.back().nan, 32u);
  EXPECT_EQ(check.tensors.back().bytes, 68u);
}

TEST_F(CheckpointChecks, AnIndexIsComparedWithItsFiles) {
  const std::vector<TinyTensor> a = {{"one", {4}}, {"two", {2}}}, b = {{"three", {1}}};
  write_shards(a, b);
  const Members good = {{"one", "a.safetensors"}, {"two", "a.safetensors"}, {"three", "b.safetensors"}};
  write_index("28", good);
  EXPECT_THAT(findings(), IsEmpty());
  write_index("27", good);
  EXPECT_THAT(findings(),
              ElementsAre(index() + ": found total_size 27; expected 28, the bytes of all tensors"));
  write_index("28", {{"one", "a.safetensors"}, {"two", "b.safetensors"}, {"three", "b.safetensors"}});
  EXPECT_THAT(findings(),
              ElementsAre(index() + ": found tensor two in b.safetensors; expected it in a.safetensors"));
  write_index("28", {{"one", "a.safetensors"}, {"three", "b.safetensors"}});
  EXPECT_THAT(findings(),
              ElementsAre(index() + ": found no tensor two; expected it, as a.safetensors has it"));
  Members more = good;
  more.push_back({"four", "b.safetensors"});
  write_index("28", more);
  EXPECT_THAT(findings(),
              ElementsAre(index() + ": found tensor four in b.safetensors; expected only tensors that "
                                    "the files hold"));
  write_index("28", good);
  write_shards(a, {{"one", {1}}});
  EXPECT_THAT(
      findings(),
      ElementsAre(
          index() + ": found tensor three in b.safetensors; expected only tensors that the files hold",
          index() + ": found tensor one in a.safetensors and b.safetensors; expected it in one file"));
}

TEST_F(CheckpointChecks, AFileThatCannotBeReadIsAFindingAndTheOthersAreReadOn) {
  write_shards({{"one", {4}}}, {{"three", {1}}});
  folder_.write("a.safetensors", "");
  write_index("4", {{"one", "a.safetensors"}, {"three", "b.safetensors"}});
  const CheckpointCheck check = check_checkpoint(folder_.path(), {});
  EXPECT_EQ(check.tensors.size(), 1u);
  EXPECT_THAT(
      check.findings,
      ElementsAre(
          folder_.file("a.safetensors") + "@0: found 0 bytes; expected a header's length of 8 bytes",
          index() + ": found tensor one in a.safetensors; expected only tensors that the files hold"));
}

TEST_F(CheckpointChecks, WhatIsNoFileIsAnError) {
  EXPECT_THAT(refusal([&] { check_checkpoint(folder_.file("absent"), {}); }),
              testing::HasSubstr("No such file"));
}

}  // namespace
}  // namespace ra
