// Tokenizers that must be refused, and how they are refused (bad-inputs B36 to B42), from both kinds of file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/llm/pre_tokenizer.h"
#include "core/llm/tokenizer.h"
#include "core/llm/tokenizer_definition.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_tokenizer.h"

namespace ra {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BadTokenizerJson : public testing::Test {
 protected:
  Tokenizer open(const std::string& text) {
    folder.write("tokenizer.json", text);
    return Tokenizer::open({.tokenizer_json = path});
  }
  std::string refuse(const std::string& text) {
    const std::string message = refusal([&] { open(text); });
    EXPECT_THAT(message, StartsWith(path));
    EXPECT_THAT(message, HasSubstr("; expected "));
    return message;
  }

  TemporaryFolder folder;
  std::string path = folder / "tokenizer.json";
};

TEST_F(BadTokenizerJson, TheTinyOneItselfIsRead) {
  const Tokenizer tokenizer = open(TinyTokenizerJson().text());
  EXPECT_EQ(tokenizer.size(), 7);
  EXPECT_EQ(tokenizer.encode("aab<x>", SpecialText::parse, true), (std::vector<int32_t>{0, 5, 6}));
}

TEST_F(BadTokenizerJson, TruncatedAnywhereIsRefused) {
  const std::string whole = TinyTokenizerJson().text();
  for (size_t length = 0; length < whole.size(); ++length) refuse(whole.substr(0, length));
}

TEST_F(BadTokenizerJson, DeepNestingAndHugeFilesAreRefusedBeforeTheyCost) {
  EXPECT_THAT(refuse(std::string(200'000, '[')), HasSubstr("nesting"));
  folder.write("tokenizer.json", "{}");
  std::filesystem::resize_file(path, 2ull << 30);  // sparse
  EXPECT_THAT(refusal([&] { Tokenizer::open({.tokenizer_json = path}); }), HasSubstr("2147483648"));
}

TEST_F(BadTokenizerJson, IdsMustBeDistinctNonNegativeIntegersWithoutGaps) {
  const auto vocab = [&](const char* text) {
    TinyTokenizerJson json;
    json.vocab = text;
    return refuse(json.text());
  };
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 1, "x": 3, ">": 4, "ab": 5})"), HasSubstr("id 1 twice"));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": 7})"), HasSubstr("found 7"));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": 4294967296})"),
              HasSubstr("found 4294967296"));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": -1})"), HasSubstr("found -1"));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": "5"})"), HasSubstr("found \"5\""));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": 5.0})"), HasSubstr("found 5.0"));
  EXPECT_THAT(vocab(R"({"a": 0, "b": 1, "x": 3, ">": 4, "ab": 5})"), HasSubstr("found 6"));
  EXPECT_THAT(vocab(R"({"a": 0, "a": 1})"), HasSubstr("two members \"a\""));
  EXPECT_THAT(vocab(R"({"": 0})"), HasSubstr("without text"));
  EXPECT_THAT(vocab("{}"), HasSubstr("no tokens"));
  EXPECT_THAT(vocab(R"(["a"])"), HasSubstr("an object"));
}

TEST_F(BadTokenizerJson, AGapBetweenVocabularyAndAddedTokensIsRefused) {
  TinyTokenizerJson json;
  json.added = R"([{"id": 0, "content": "a"}, {"id": 7, "content": "<x>", "special": true}])";
  EXPECT_THAT(refuse(json.text()), HasSubstr("no token has id 6"));
}

TEST_F(BadTokenizerJson, MergesMustJoinTwoTokensIntoAToken) {
  const auto merges = [&](const char* text) {
    TinyTokenizerJson json;
    json.merges = text;
    return refuse(json.text());
  };
  EXPECT_THAT(merges(R"([["a", "q"]])"), HasSubstr("needs \"q\", which is no token"));
  EXPECT_THAT(merges(R"([["b", "a"]])"), HasSubstr("needs \"ba\", which is no token"));
  EXPECT_THAT(merges(R"([["a", "b", "x"]])"), HasSubstr("model.merges[0]"));
  EXPECT_THAT(merges(R"(["a b x"])"), HasSubstr("\"a b x\""));
  EXPECT_THAT(merges(R"(["ab"])"), HasSubstr("expected two parts"));
  EXPECT_THAT(merges(R"([""])"), HasSubstr("expected two parts"));
  EXPECT_THAT(merges(R"([" b"])"), HasSubstr("an empty part"));
  EXPECT_THAT(merges(R"([["a", ""]])"), HasSubstr("an empty part"));
  EXPECT_THAT(merges(R"([["a", 1]])"), HasSubstr("two parts"));
  EXPECT_THAT(merges(R"([7])"), HasSubstr("an integer"));
  EXPECT_THAT(merges(R"([["a", "b"], "a b"])"), HasSubstr("merges 0 and 1 are the same"));
}

TEST_F(BadTokenizerJson, TenMillionMergesAreRefusedByTheReader) {
  TinyTokenizerJson json;
  json.merges = "[";
  for (int i = 0; i < 10'000'000; ++i) json.merges += "1,";
  json.merges.back() = ']';
  EXPECT_THAT(refuse(json.text()), HasSubstr("values and keys"));
}

// B40: a pattern is compared with those known and never reaches a regular expression engine.
TEST_F(BadTokenizerJson, UnknownPatternsAreRefusedUnread) {
  for (const std::string& pattern : {std::string("(a+)+$"), std::string("("), std::string(1 << 20, 'a'),
                                     std::string("\\\\C"), std::string("(?R)"), std::string("")}) {
    TinyTokenizerJson json;
    json.pre_tokenizer =
        R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ")" + pattern +
        R"("}, "behavior": "Isolated", "invert": false},
                         {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
    EXPECT_THAT(refuse(json.text()), HasSubstr("unsupported pattern"));
  }
  EXPECT_FALSE(recognize_split_pattern("\\p{L}+").has_value());
}

TEST_F(BadTokenizerJson, StructuresOfUnknownMeaningAreNamed) {
  const auto with = [&](std::string TinyTokenizerJson::*part, const char* text) {
    TinyTokenizerJson json;
    json.*part = text;
    return refuse(json.text());
  };
  using T = TinyTokenizerJson;
  EXPECT_THAT(with(&T::rest, R"(, "surprise": 1)"), HasSubstr("member \"surprise\""));
  EXPECT_THAT(with(&T::model_rest, R"("unk_token": "a")"), HasSubstr("model.unk_token"));
  EXPECT_THAT(with(&T::model_rest, R"("dropout": 0.1)"), HasSubstr("model.dropout"));
  EXPECT_THAT(with(&T::model_rest, R"("end_of_word_suffix": "</w>")"), HasSubstr("</w>"));
  EXPECT_THAT(with(&T::model_rest, R"("ignore_merges": 1)"), HasSubstr("true or false"));
  EXPECT_THAT(with(&T::normalizer, R"({"type": "NFKC"})"), HasSubstr("NFKC"));
  EXPECT_THAT(with(&T::normalizer, R"({"type": "Lowercase"})"), HasSubstr("normalizer: found Lowercase"));
  EXPECT_THAT(with(&T::pre_tokenizer, "null"), HasSubstr("null"));
  EXPECT_THAT(with(&T::pre_tokenizer, R"({"type": "Metaspace"})"), HasSubstr("Metaspace"));
  EXPECT_THAT(with(&T::pre_tokenizer, R"({"type": "ByteLevel"})"), HasSubstr("add_prefix_space"));
  EXPECT_THAT(
      with(&T::pre_tokenizer, R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})"),
      HasSubstr("use_regex"));
  EXPECT_THAT(with(&T::pre_tokenizer, R"({"type": "Sequence", "pretokenizers": [{"type": "Digits",
                   "individual_digits": false}, {"type": "ByteLevel", "add_prefix_space": false}]})"),
              HasSubstr("individual_digits"));
  EXPECT_THAT(with(&T::pre_tokenizer, R"({"type": "Sequence", "pretokenizers": []})"),
              HasSubstr("sequence of 0"));
  EXPECT_THAT(with(&T::post_processor, R"({"type": "BertProcessing"})"), HasSubstr("BertProcessing"));
  EXPECT_THAT(
      with(&T::post_processor, R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}},
                   {"Sequence": {"id": "A"}}], "special_tokens": {}})"),
      HasSubstr("<s>"));
  EXPECT_THAT(
      with(&T::post_processor, R"({"type": "TemplateProcessing", "single": [], "special_tokens": {}})"),
      HasSubstr("no text"));
  EXPECT_THAT(
      with(&T::post_processor, R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}},
                   {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": []}}})"),
      HasSubstr("found 7"));
  EXPECT_THAT(with(&T::decoder, "null"), HasSubstr("decoder: found null"));
  EXPECT_THAT(with(&T::decoder, R"({"type": "WordPiece"})"), HasSubstr("WordPiece"));
}

// B41.
TEST_F(BadTokenizerJson, AddedTokensMustBeDistinctAndApart) {
  const auto added = [&](const char* text) {
    TinyTokenizerJson json;
    json.added = text;
    return refuse(json.text());
  };
  EXPECT_THAT(added(R"([{"id": 6, "content": "", "special": true}])"), HasSubstr("without text"));
  EXPECT_THAT(added(R"([{"id": 6, "content": "<x>"}, {"id": 7, "content": "<x>"}])"),
              HasSubstr("are both \"<x>\""));
  EXPECT_THAT(added(R"([{"id": 6, "content": "<x>"}, {"id": 6, "content": "<y>"}])"),
              HasSubstr("another token's"));
  EXPECT_THAT(added(R"([{"id": 5, "content": "<x>"}])"), HasSubstr("another token's"));
  EXPECT_THAT(added(R"([{"id": 6, "content": "<x>", "special": true}, {"id": 7, "content": "a<x>"}])"),
              HasSubstr("\"a<x>\" holds \"<x>\""));
  EXPECT_THAT(added(R"([{"id": 6, "content": "<x>", "lstrip": true}])"), HasSubstr("lstrip"));
  EXPECT_THAT(added(R"([{"id": 6, "content": "<x>", "single_word": true}])"), HasSubstr("single_word"));
  EXPECT_THAT(added(R"([{"id": 6}])"), HasSubstr("content"));
  EXPECT_THAT(added(R"([{"id": 9, "content": "<x>"}])"), HasSubstr("found 9"));
}

// Plain text must never become a special token's id, so a special token may not be what bytes or merges make.
TEST_F(BadTokenizerJson, SpecialTokensThatPlainTextCouldBecomeAreRefused) {
  TinyTokenizerJson json;
  json.added = R"([{"id": 5, "content": "ab", "special": true}])";
  EXPECT_THAT(refuse(json.text()), HasSubstr("is what a merge makes"));
  json.added = R"([{"id": 0, "content": "a", "special": true}])";
  EXPECT_THAT(refuse(json.text()), HasSubstr("is a single byte"));
}

TokenizerSource tiny_gguf() {
  return {.file = "tiny.gguf",
          .pre = "gpt-2",
          .model = "gpt2",
          .tokens = {"a", "b", "ab", "<x>"},
          .token_types = {1, 1, 1, 3},
          .merges = {"a b"}};
}

TEST(BadTokenizerGguf, TheTinyOneItselfIsRead) {
  const Tokenizer tokenizer = Tokenizer::open(tiny_gguf());
  EXPECT_EQ(tokenizer.encode("aab<x>", SpecialText::parse, true), (std::vector<int32_t>{0, 2, 3}));
  EXPECT_EQ(tokenizer.special_id("<x>"), 3);
}

TEST(BadTokenizerGguf, EveryPartIsChecked) {
  const auto with = [](const std::function<void(TokenizerSource&)>& change) {
    TokenizerSource source = tiny_gguf();
    change(source);
    const std::string message = refusal([&] { Tokenizer::open(source); });
    EXPECT_THAT(message, StartsWith("tiny.gguf: "));
    EXPECT_THAT(message, HasSubstr("; expected "));
    return message;
  };
  EXPECT_THAT(with([](auto& s) { s.model = "t5"; }), HasSubstr("tokenizer.ggml.model: found \"t5\""));
  EXPECT_THAT(with([](auto& s) { s.model.clear(); }), HasSubstr("tokenizer.ggml.model: found \"\""));
  EXPECT_THAT(with([](auto& s) { s.pre = "default"; }),
              HasSubstr("tokenizer.ggml.pre: found \"default\"; expected gpt-2, phi-2, "));
  EXPECT_THAT(with([](auto& s) { s.pre = "tekken"; }), HasSubstr(", hunyuan, grok-2"));
  EXPECT_THAT(with([](auto& s) { s.pre.clear(); }), HasSubstr("tokenizer.ggml.pre"));
  EXPECT_THAT(with([](auto& s) { s.token_types.pop_back(); }), HasSubstr("3 types of 4 tokens"));
  EXPECT_THAT(with([](auto& s) { s.token_types = {}; }), HasSubstr("0 types of 4 tokens"));
  EXPECT_THAT(with([](auto& s) { s.token_types[1] = 6; }), HasSubstr("type 6 for token 1"));
  EXPECT_THAT(with([](auto& s) { s.token_types[1] = -1; }), HasSubstr("type -1"));
  EXPECT_THAT(with([](auto& s) { s.tokens[1].clear(); }), HasSubstr("token 1 without text"));
  EXPECT_THAT(with([](auto& s) { s.tokens[1] = s.tokens[0]; }), HasSubstr("tokens 0 and 1 are both \"a\""));
  EXPECT_THAT(with([](auto& s) { s.tokens[3] = "<\xff>"; }), HasSubstr("not UTF-8"));
  EXPECT_THAT(with([](auto& s) { s.merges = {"ab"}; }), HasSubstr("merge 0: \"ab\""));
  EXPECT_THAT(with([](auto& s) { s.merges = {"a b c"}; }), HasSubstr("\"a b c\""));
  EXPECT_THAT(with([](auto& s) { s.merges = {""}; }), HasSubstr("two parts"));
  EXPECT_THAT(with([](auto& s) { s.merges = {"a b", "b a"}; }), HasSubstr("needs \"ba\""));
  EXPECT_THAT(with([](auto& s) { s.add_bos = true; }), HasSubstr("bos_token_id"));
  EXPECT_THAT(with([](auto& s) { s.add_bos = true, s.bos = 4; }), HasSubstr("found 4"));
  EXPECT_THAT(refusal([] { Tokenizer::open({.file = "folder"}); }), HasSubstr("has no tokenizer"));
}

TEST(BadTokenizerGguf, PreTokenizersAreKnownByLlamaCppsNames) {
  const std::pair<const char*, const char*> names[] = {
      {"gpt-2", "gpt2"},     {"mpt", "gpt2"},         {"refact", "smollm"},          {"command-r", "smollm"},
      {"falcon3", "llama3"}, {"smaug-bpe", "llama3"}, {"deepseek-r1-qwen", "qwen2"}, {"megrez", "qwen2"}};
  for (const auto& [name, rule] : names) {
    TokenizerSource source = tiny_gguf();
    source.pre = name;
    source.bos = 3;
    EXPECT_EQ(Tokenizer::open(source).pre_tokenizer(), rule) << name;
  }
}

TEST(BadTokenizerGguf, BosFollowsTheFileElseThePreTokenizer) {
  TokenizerSource source = tiny_gguf();
  source.bos = 3;
  EXPECT_EQ(Tokenizer::open(source).encode("a", SpecialText::plain, true), (std::vector<int32_t>{0}));
  source.pre = "llama-bpe";
  EXPECT_EQ(Tokenizer::open(source).encode("a", SpecialText::plain, true), (std::vector<int32_t>{3, 0}));
  source.add_bos = false;
  EXPECT_EQ(Tokenizer::open(source).encode("a", SpecialText::plain, true), (std::vector<int32_t>{0}));
}

}  // namespace
}  // namespace ra
