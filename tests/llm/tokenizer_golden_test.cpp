// Ids and texts against what Hugging Face's tokenizers gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "core/json.h"
#include "core/llm/chat.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"
#include "core/utf8.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

// What is not UTF-8 as U+FFFD, one for each maximal part of a character (Unicode 15, 3.9), as the reference decodes.
std::string lossy(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t valid = valid_utf8_prefix(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty()) break;
    size_t part = 1;
    for (size_t length = 2; length <= 3 && length <= text.size(); ++length) {
      for (const char* end : {"\x80", "\x80\x80", "\x90\x80", "\xbf"}) {
        const std::string completed = std::string(text.substr(0, length)) + end;
        if (valid_utf8_prefix(completed) == completed.size()) part = length;
      }
    }
    out += "\xef\xbf\xbd";
    text.remove_prefix(part);
  }
  return out;
}

// Every case of a golden file but one text must give its ids and, decoded, its text.
void expect_golden(const Tokenizer& tokenizer, const std::string& file, const std::string& except = "none") {
  const Json cases = golden_json(file);
  ASSERT_EQ(cases.array("cases").size(), 434u);
  for (const Json& one : cases.array("cases")) {
    const std::string& text = member(one, "text").string("text");
    if (text == except) continue;
    const std::vector<int32_t> ids = tokenizer.encode(text, SpecialText::parse, false);
    ASSERT_EQ(ids, ids_of(member(one, "ids"))) << text;
    ASSERT_EQ(tokenizer.encode(text, SpecialText::parse, true), ids_of(member(one, "ids_with_bos"))) << text;
    ASSERT_EQ(lossy(tokenizer.decode(ids)), member(one, "decoded").string("decoded")) << text;
  }
}

// The fixture's tokenizer.json looks for the names of byte tokens in a text, GGUF has no way to say that.
const char* const kByteName = "<0x41>";

// The vocabulary of tokenizer-spm as GGUF has it: a score a piece, from the ranks of the merges, instead of merges.
TokenizerSource sentencepiece_source() {
  TokenizerSource source{.file = "spm.gguf", .model = "llama"};
  const Json json = golden_json("tokenizer-spm/tokenizer.json");
  const Json& model = member(json, "model");
  source.tokens.resize(640);
  source.token_types.assign(640, 1);
  source.scores.assign(640, 0);
  std::map<std::string, float> scores;
  for (const Json& merge : member(model, "merges").array("merges")) {
    const Json::Array& parts = merge.array("merge");
    const float score = -1.0f - static_cast<float>(scores.size());
    scores.emplace(parts[0].string("left") + parts[1].string("right"), score);
  }
  for (const auto& [token, id_value] : member(model, "vocab").object("vocab")) {
    const size_t id = id_value.unsigned_integer("id", 639);
    source.tokens[id] = token;
    // A character's score says only which byte-sized piece it is: nothing is merged into one.
    source.scores[id] = scores.count(token) != 0 ? scores.at(token) : -1000.0f - static_cast<float>(id);
    if (token.starts_with("<0x")) source.token_types[id] = 6;
  }
  for (const Json& added : member(json, "added_tokens").array("added_tokens")) {
    const size_t id = member(added, "id").unsigned_integer("id", 639);
    source.tokens[id] = member(added, "content").string("content");
    if (!source.tokens[id].starts_with("<0x")) source.token_types[id] = id == 0 ? 2 : 3;
  }
  return source;
}

int32_t source_id(const TokenizerSource& source, const std::string& token) {
  return static_cast<int32_t>(std::find(source.tokens.begin(), source.tokens.end(), token) -
                              source.tokens.begin());
}

class GoldenTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizer, GivesTheReferencesIdsAndTexts) {
  const std::string folder = std::string("tokenizer-") + GetParam();
  const Tokenizer tokenizer = Tokenizer::open({.tokenizer_json = golden_path(folder + "/tokenizer.json")});
  EXPECT_EQ(tokenizer.pre_tokenizer(), GetParam());
  EXPECT_EQ(tokenizer.size(), 640);
  expect_golden(tokenizer, folder + "/golden.json");
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoldenTokenizer, testing::Values("gpt2", "smollm", "llama3", "qwen2"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(GoldenSentencePiece, ByteFallbackGivesTheReferencesIdsAndTexts) {
  const Tokenizer tokenizer =
      Tokenizer::open({.tokenizer_json = golden_path("tokenizer-spm/tokenizer.json")});
  EXPECT_STREQ(tokenizer.kind(), "BPE with byte fallback");
  EXPECT_EQ(tokenizer.pre_tokenizer(), "none");
  EXPECT_EQ(tokenizer.size(), 640);
  expect_golden(tokenizer, "tokenizer-spm/golden.json");
}

// The same texts through the tokenizer of the Mistral fixture, as its checkpoint leads to it; other characters are bytes
// there. Made with tokenizers 0.23.3, which gives all of tokenizer-spm/golden.json too.
TEST(GoldenSentencePiece, MistralsCheckpointGivesTheReferencesIdsAndTexts) {
  const Tokenizer tokenizer = Tokenizer::open(Checkpoint::open(golden_path("mistral-fp16")).tokenizer());
  EXPECT_STREQ(tokenizer.kind(), "BPE with byte fallback");
  EXPECT_EQ(tokenizer.size(), 640);
  expect_golden(tokenizer, "mistral-fp16/tokenizer_golden.json");
}

TEST(GoldenSentencePiece, GgufsScoresGiveTheReferencesIdsAndTexts) {
  const Tokenizer tokenizer = Tokenizer::open(sentencepiece_source());
  EXPECT_STREQ(tokenizer.kind(), "SentencePiece BPE");
  EXPECT_EQ(tokenizer.size(), 640);
  expect_golden(tokenizer, "tokenizer-spm/golden.json", kByteName);
  const std::vector<int32_t> ids = tokenizer.encode(kByteName, SpecialText::parse, false);
  EXPECT_EQ(tokenizer.decode(ids), kByteName);
  EXPECT_GT(ids.size(), 1u);
}

// The same through a whole GGUF file: the model's own vocabulary is the only one that it has.
TEST(GoldenSentencePiece, AGgufFileWithScoresIsReadWhole) {
  const TokenizerSource source = sentencepiece_source();
  const auto array = [](uint32_t type, const auto& values, auto bytes_of) {
    std::string bytes = u32(type) + u64(values.size());
    for (const auto& value : values) bytes += bytes_of(value);
    return bytes;
  };
  constexpr uint32_t kUint32 = 4, kInt32 = 5, kFloat32 = 6, kBool = 7, kString = 8, kArray = 9;
  GgufParts parts = tiny_gguf();
  set_key(parts, "llama.vocab_size", kUint32, u32(640));
  parts.tensors.front() = gguf_tensor("token_embd.weight", {8, 640}, 0, 0);
  uint64_t moved = 0;
  {
    const GgufParts tiny = tiny_gguf();
    moved = (640 - 16) * 8 * 4;
    parts.data = std::string(moved, '\0') + tiny.data;
  }
  for (size_t i = 1; i < parts.tensors.size(); ++i) {
    std::string& entry = parts.tensors[i];
    uint64_t offset = 0;
    std::memcpy(&offset, entry.data() + entry.size() - 8, 8);
    entry.replace(entry.size() - 8, 8, u64(offset + moved));
  }
  set_key(parts, "tokenizer.ggml.model", kString, gguf_string("llama"));
  set_key(parts, "tokenizer.ggml.pre", kString, gguf_string("default"));
  set_key(parts, "tokenizer.ggml.tokens", kArray, array(kString, source.tokens, gguf_string));
  set_key(parts, "tokenizer.ggml.token_type", kArray,
          array(kInt32, source.token_types, [](int32_t type) { return u32(static_cast<uint32_t>(type)); }));
  set_key(parts, "tokenizer.ggml.scores", kArray,
          array(kFloat32, source.scores, [](float score) { return u32(std::bit_cast<uint32_t>(score)); }));
  set_key(parts, "tokenizer.ggml.add_bos_token", kBool, std::string(1, '\1'));
  const CheckpointFolder folder;
  const std::string path = folder.write("spm.gguf", parts.bytes());
  expect_golden(Tokenizer::open(Checkpoint::open(path).tokenizer()), "tokenizer-spm/golden.json", kByteName);

  set_key(parts, "tokenizer.ggml.add_bos_token", kBool, std::string(1, '\0'));
  set_key(parts, "tokenizer.ggml.add_eos_token", kBool, std::string(1, '\1'));
  set_key(parts, "tokenizer.ggml.add_space_prefix", kBool, std::string(1, '\0'));
  folder.write("spm.gguf", parts.bytes());
  const Tokenizer bare = Tokenizer::open(Checkpoint::open(path).tokenizer());
  EXPECT_EQ(bare.encode("a b", SpecialText::plain, true),
            (std::vector<int32_t>{source_id(source, "a\xe2\x96\x81"), source_id(source, "b"), 2}));
  EXPECT_EQ(bare.decode({source_id(source, "\xe2\x96\x81"), source_id(source, "b")}), " b")
      << "nothing was put before";
}

// The same tokenizer by its two ways in: GGUF's metadata must lead to the ids of tokenizer.json.
TEST(GoldenTokenizer, GgufGivesTheIdsOfTokenizerJson) {
  for (const auto& [gguf, folder] : {std::pair("gguf/llama-tied-bf16.gguf", "llama-tied-bf16"),
                                     std::pair("gguf/qwen3-bf16.gguf", "qwen3-bf16")}) {
    const Tokenizer from_gguf = Tokenizer::open(Checkpoint::open(golden_path(gguf)).tokenizer());
    const Tokenizer from_json = Tokenizer::open(Checkpoint::open(golden_path(folder)).tokenizer());
    EXPECT_EQ(from_gguf.pre_tokenizer(), from_json.pre_tokenizer());
    EXPECT_EQ(from_gguf.size(), from_json.size());
    const Json cases = golden_json("tokenizer-gpt2/golden.json");
    for (const Json& one : cases.array("cases")) {
      const std::string& text = member(one, "text").string("text");
      for (const SpecialText special : {SpecialText::plain, SpecialText::parse}) {
        ASSERT_EQ(from_gguf.encode(text, special, true), from_json.encode(text, special, true)) << text;
      }
    }
  }
}

class SampleModel : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = sample_model();
    if (path.empty()) GTEST_SKIP() << "the sample model is not on this machine";
    checkpoint = std::make_unique<Checkpoint>(Checkpoint::open(path));
    tokenizer = std::make_unique<Tokenizer>(Tokenizer::open(checkpoint->tokenizer()));
  }
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Tokenizer> tokenizer;
};

TEST_F(SampleModel, GivesTheReferencesIdsAndTexts) {
  const Json cases = golden_json("smollm2-135m-instruct-q4_1/tokenizer_golden.json");
  ASSERT_EQ(cases.array("cases").size(), 300u);
  for (const Json& one : cases.array("cases")) {
    const std::string& text = member(one, "text").string("text");
    const std::vector<int32_t> ids = tokenizer->encode(text, SpecialText::parse, true);
    ASSERT_EQ(ids, ids_of(member(one, "ids"))) << text;
    ASSERT_EQ(tokenizer->encode(text, SpecialText::plain, true),
              ids_of(member(one, "ids_special_text_as_plain")))
        << text;
    ASSERT_EQ(lossy(tokenizer->decode(ids)), member(one, "decoded").string("decoded")) << text;
  }
}

TEST_F(SampleModel, GivesTheReferencesPrompts) {
  const auto chat = recognize_chat_template(checkpoint->tokenizer().chat_template);
  ASSERT_TRUE(chat.has_value());
  EXPECT_EQ(chat->format, ChatFormat::chatml);
  const Json golden = golden_json("smollm2-135m-instruct-q4_1/golden.json");
  for (const Json& one : member(golden, "cases").array("cases")) {
    std::vector<int32_t> ids;
    if (member(one, "kind").string("kind") == "raw") {
      ids = tokenizer->encode(member(one, "text").string("text"), SpecialText::plain, true);
    } else {
      std::optional<std::string> system;
      std::string user;
      for (const Json& message : member(one, "messages").array("messages")) {
        const std::string& content = member(message, "content").string("content");
        if (member(message, "role").string("role") == "system") {
          system = content;
        } else {
          user = content;
        }
      }
      ids = chat_prompt(*tokenizer, *chat, user, system, SpecialText::plain);
      EXPECT_EQ(tokenizer->decode(ids), member(one, "text").string("text"));
    }
    EXPECT_EQ(ids, ids_of(member(one, "prompt"))) << member(one, "name").string("name");
  }
}

}  // namespace
}  // namespace ra
