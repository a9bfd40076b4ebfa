// Ids and texts against what Hugging Face's tokenizers gave.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "core/json.h"
#include "core/llm/chat.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"
#include "core/llm/utf8.h"
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

class GoldenTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTokenizer, GivesTheReferencesIdsAndTexts) {
  const std::string folder = std::string("tokenizer-") + GetParam();
  const Tokenizer tokenizer = Tokenizer::open({.tokenizer_json = golden_path(folder + "/tokenizer.json")});
  EXPECT_EQ(tokenizer.pre_tokenizer(), GetParam());
  EXPECT_EQ(tokenizer.size(), 640);
  const Json cases = golden_json(folder + "/golden.json");
  ASSERT_EQ(cases.array("cases").size(), 434u);
  for (const Json& one : cases.array("cases")) {
    const std::string& text = member(one, "text").string("text");
    const std::vector<int32_t> ids = tokenizer.encode(text, SpecialText::parse, false);
    ASSERT_EQ(ids, ids_of(member(one, "ids"))) << text;
    ASSERT_EQ(tokenizer.encode(text, SpecialText::parse, true), ids_of(member(one, "ids_with_bos"))) << text;
    ASSERT_EQ(lossy(tokenizer.decode(ids)), member(one, "decoded").string("decoded")) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GoldenTokenizer, testing::Values("gpt2", "smollm", "llama3", "qwen2"),
                         [](const auto& kind) { return std::string(kind.param); });

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
