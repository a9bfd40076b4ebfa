// Tokenizers with byte fallback: what they do with texts and characters beyond the golden cases, and how those that do
// not fit together are refused (bad-inputs B39), from both kinds of file.
#include "core/llm/byte_fallback.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

#include "core/llm/normalizer.h"
#include "core/llm/tokenizer.h"
#include "core/llm/tokenizer_definition.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Ids = std::vector<int32_t>;

const std::string kBlank = "\xe2\x96\x81";

// 256 byte tokens, then the given ones with falling scores, or with merges.
TokenizerSource scored(const std::vector<std::string>& pieces) {
  TokenizerSource source{.file = "spm.gguf", .model = "llama", .add_bos = false, .add_space_prefix = false};
  for (int byte = 0; byte < 256; ++byte) source.tokens.push_back(fmt::format("<0x{:02X}>", byte));
  source.token_types.assign(256, 6);
  source.scores.assign(256, 0);
  for (const std::string& piece : pieces) {
    source.tokens.push_back(piece);
    source.token_types.push_back(1);
    source.scores.push_back(-static_cast<float>(source.scores.size()));
  }
  return source;
}
Ids encode(const TokenizerSource& source, std::string_view text) {
  return Tokenizer::open(source).encode(text, SpecialText::plain, true);
}

std::string fallback_json(const std::string& normalizer, const std::string& decoder,
                          const std::string& pre_tokenizer = "null", const std::string& more_tokens = "") {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) vocab += fmt::format(R"("<0x{:02X}>": {}, )", byte, byte);
  return R"({"added_tokens": [], "normalizer": )" + normalizer + R"(, "pre_tokenizer": )" + pre_tokenizer +
         R"(, "post_processor": null, "decoder": )" + decoder +
         R"(, "model": {"type": "BPE", "unk_token": "a", "byte_fallback": true, "vocab": {)" + vocab +
         R"("a": 256, "b": 257, "ab": 258)" + more_tokens + R"(}, "merges": [["a", "b"]]}})";
}
Tokenizer open_json(const std::string& text, const TemporaryFolder& folder) {
  return Tokenizer::open({.tokenizer_json = folder.write("tokenizer.json", text)});
}

TEST(ByteFallback, NamesAreSixCharactersWithUpperCaseDigits) {
  EXPECT_EQ(byte_of_token("<0x00>"), 0);
  EXPECT_EQ(byte_of_token("<0xAF>"), 0xaf);
  EXPECT_EQ(byte_of_token("<0xFF>"), 0xff);
  for (const char* other :
       {"", "<0x-1>", "<0xZZ>", "<0x100>", "<0xff>", "<0x0>", "<0x+F>", "<0X00>", "<0x00", "0x00>"}) {
    EXPECT_FALSE(byte_of_token(other).has_value()) << other;
  }
}

TEST(ScoreBpe, MergesTheBestScoreFirstAndOfEqualOnesTheLeftmost) {
  EXPECT_THAT(encode(scored({"a", "b", "c", "bc", "ab"}), "abc"), ElementsAre(256, 259)) << "bc before ab";
  EXPECT_THAT(encode(scored({"a", "b", "c", "ab", "bc"}), "abc"), ElementsAre(259, 258)) << "ab before bc";
  TokenizerSource equal = scored({"a", "b", "c", "bc", "ab"});
  equal.scores[259] = equal.scores[260];
  EXPECT_THAT(encode(equal, "abc"), ElementsAre(260, 258));
  EXPECT_THAT(encode(scored({"aa", "a"}), "aaaaa"), ElementsAre(256, 256, 257));
}

TEST(ScoreBpe, MergesCharactersThatAreNoPieces) {
  EXPECT_THAT(encode(scored({"\xc3\xa9x"}), "\xc3\xa9x"), ElementsAre(256));
  EXPECT_THAT(encode(scored({"\xc3\xa9x"}), "x\xc3\xa9"), ElementsAre('x', 0xc3, 0xa9));
}

TEST(ScoreBpe, BytesOfUnknownCharactersAreTheirTokens) {
  const TokenizerSource source = scored({"a"});
  EXPECT_THAT(encode(source, "a\xf0\x9f\x98\x80"), ElementsAre(256, 0xf0, 0x9f, 0x98, 0x80));
  const Tokenizer tokenizer = Tokenizer::open(source);
  EXPECT_EQ(tokenizer.decode({256, 0xf0, 0x9f, 0x98, 0x80}), "a\xf0\x9f\x98\x80");
  EXPECT_THAT(encode(source, "<0x41>"), ElementsAre('<', '0', 'x', '4', '1', '>')) << "a name is no byte";
}

TEST(ScoreBpe, PlainTextNeverBecomesASpecialOrAnUnusedToken) {
  TokenizerSource source = scored({"<", "s", ">", "<s", "<s>", "ss"});
  source.token_types[260] = 3;
  source.token_types[261] = 5;
  EXPECT_THAT(encode(source, "<s>ss"), ElementsAre(259, 258, 257, 257));
  EXPECT_THAT(Tokenizer::open(source).encode("<s>", SpecialText::parse, false), ElementsAre(260));
}

TEST(ScoreBpe, TheBlankIsPutBeforeEveryTextUnlessTheFileSaysOtherwise) {
  TokenizerSource source = scored({kBlank, "a", kBlank + "a", "<s>"});
  source.token_types.back() = 3;
  EXPECT_THAT(encode(source, "a a"), ElementsAre(257, 258));
  source.add_space_prefix.reset();
  EXPECT_THAT(encode(source, "a a"), ElementsAre(258, 258));
  const Tokenizer tokenizer = Tokenizer::open(source);
  EXPECT_THAT(tokenizer.encode("a<s>a", SpecialText::parse, false), ElementsAre(258, 259, 258));
  EXPECT_THAT(tokenizer.encode("", SpecialText::parse, false), ElementsAre());
  EXPECT_EQ(tokenizer.decode({258, 258}), "a a");
  EXPECT_EQ(tokenizer.piece(258), " a");
}

TEST(ScoreBpe, BosAndEosHaveTheIdsOfSentencePieceIfTheFileSaysNone) {
  TokenizerSource source = scored({"a"});
  source.add_bos.reset();
  EXPECT_THAT(encode(source, "a"), ElementsAre(1, 256)) << "bos is usual";
  source.add_eos = true;
  EXPECT_THAT(encode(source, "a"), ElementsAre(1, 256, 2));
  source.bos = 7;
  source.eos = 8;
  EXPECT_THAT(encode(source, "a"), ElementsAre(7, 256, 8));
}

// Merging pair by pair, by looking through all of them each time: what the queue must agree with.
Ids merged_one_by_one(const TokenizerSource& source, const std::string& text) {
  std::vector<std::string> symbols;
  for (const char c : text) symbols.emplace_back(1, c);
  for (;;) {
    size_t best = symbols.size();
    float best_score = -INFINITY;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = std::find(source.tokens.begin(), source.tokens.end(), symbols[i] + symbols[i + 1]);
      if (found == source.tokens.end()) continue;
      const float score = source.scores[static_cast<size_t>(found - source.tokens.begin())];
      if (score > best_score) best = i, best_score = score;
    }
    if (best == symbols.size()) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  Ids ids;
  for (const std::string& symbol : symbols) {
    const auto found = std::find(source.tokens.begin(), source.tokens.end(), symbol);
    ids.push_back(static_cast<int32_t>(found - source.tokens.begin()));
  }
  return ids;
}

TEST(ScoreBpe, TheQueueMergesInTheOrderOfScores) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> pieces = {"a", "b", "c"};
    while (pieces.size() < 30) {
      const std::string joined = pieces[random() % pieces.size()] + pieces[random() % pieces.size()];
      if (std::count(pieces.begin(), pieces.end(), joined) == 0) pieces.push_back(joined);
    }
    TokenizerSource source = scored(pieces);
    for (size_t id = 256; id < source.scores.size(); ++id)
      source.scores[id] = -static_cast<float>(random() % 12);
    const Tokenizer tokenizer = Tokenizer::open(source);
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (size_t length = random() % 120; text.size() < length;)
        text += static_cast<char>('a' + random() % 3);
      ASSERT_EQ(tokenizer.encode(text, SpecialText::plain, false), merged_one_by_one(source, text)) << text;
    }
  }
}

// B44. Bounds are an order above what a machine with two busy cores takes.
TEST(ByteFallback, LongInputsTakeTimeInProportion) {
  std::vector<std::string> runs = {kBlank, "a", "^"};
  while (runs.size() < 100) runs.push_back(runs[runs.size() - 3] + runs[(runs.size() - 3) % 3]);
  const Tokenizer by_score = Tokenizer::open(scored(runs));
  const Tokenizer by_rank = Tokenizer::open({.tokenizer_json = golden_path("tokenizer-spm/tokenizer.json")});
  for (const char* part : {"^", " ", "a", "\xf0\x9f\x98\x80", "The quick brown fox. ", "\xcc\x80\xcc\xa3"}) {
    std::string text;
    while (text.size() < 1'000'000) text += part;
    for (const Tokenizer* tokenizer : {&by_score, &by_rank}) {
      const auto start = std::chrono::steady_clock::now();
      const Ids ids = tokenizer->encode(text, SpecialText::parse, false);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      EXPECT_EQ(tokenizer->decode(ids), text);
      EXPECT_LT(seconds.count(), 10) << part;
    }
  }
}

TEST(BadScores, EveryPartIsChecked) {
  const auto with = [](const std::function<void(TokenizerSource&)>& change) {
    TokenizerSource source = scored({"a", "b", "ab"});
    change(source);
    const std::string message = refusal([&] { Tokenizer::open(source); });
    EXPECT_THAT(message, StartsWith("spm.gguf: "));
    EXPECT_THAT(message, HasSubstr("; expected "));
    return message;
  };
  EXPECT_EQ(encode(scored({"a", "b", "ab"}), "ab"), Ids{258});
  EXPECT_THAT(with([](auto& s) { s.scores.pop_back(); }),
              HasSubstr("scores: found 258 scores of 259 tokens"));
  EXPECT_THAT(with([](auto& s) { s.scores.clear(); }), HasSubstr("scores: found 0 scores"));
  EXPECT_THAT(with([](auto& s) { s.scores[257] = NAN; }), HasSubstr("score of token 257"));
  EXPECT_THAT(with([](auto& s) { s.token_types.pop_back(); }), HasSubstr("258 types of 259 tokens"));
  EXPECT_THAT(with([](auto& s) { s.token_types[257] = 7; }), HasSubstr("type 7 for token 257"));
  EXPECT_THAT(with([](auto& s) { s.tokens[257] = "a"; }), HasSubstr("tokens 256 and 257 are both \"a\""));
  EXPECT_THAT(with([](auto& s) { s.tokens[257] = std::string(513, 'a'); }),
              HasSubstr("token 257 of 513 bytes"));
  EXPECT_THAT(with([](auto& s) { s.tokens[257].clear(); }), HasSubstr("token 257 without text"));
  EXPECT_THAT(with([](auto& s) { s.remove_extra_whitespaces = true; }),
              HasSubstr("remove_extra_whitespaces"));
  EXPECT_THAT(with([](auto& s) { s.add_bos = true, s.bos = 259; }), HasSubstr("bos_token_id: found 259"));
  EXPECT_THAT(with([](auto& s) { s.add_eos = true, s.eos = -1; }), HasSubstr("eos_token_id: found -1"));
}

// B39, in both kinds of file.
TEST(BadByteTokens, AreRefused) {
  const auto gguf = [](const std::string& token, int32_t type) {
    TokenizerSource source = scored({"a"});
    source.tokens.back() = token;
    source.token_types.back() = type;
    return refusal([&] { Tokenizer::open(source); });
  };
  const TemporaryFolder folder;
  for (const std::string token : {"<0x-1>", "<0xZZ>", "<0x100>", "<0xff>"}) {
    EXPECT_THAT(gguf(token, 6), HasSubstr("byte token 256 as \"" + token + "\"; expected <0x00> to <0xFF>"));
    EXPECT_THAT(gguf(token, 1), HasSubstr("token 256 is \"" + token + "\", which is no byte"));
    EXPECT_THAT(refusal([&] {
                  open_json(fallback_json("null", R"({"type": "Fuse"})", "null", ", \"" + token + "\": 259"),
                            folder);
                }),
                HasSubstr("token 259 is \"" + token + "\", which is no byte"));
  }
  EXPECT_THAT(gguf("<0x41>", 6), HasSubstr("tokens 65 and 256 are both <0x41>"));
  TokenizerSource missing = scored({"a"});
  missing.tokens[10] = "b";
  missing.token_types[10] = 1;
  EXPECT_THAT(refusal([&] { Tokenizer::open(missing); }), HasSubstr("no token <0x0A>"));
}

TEST(FallbackJson, CharactersAreTokensOrBytes) {
  const TemporaryFolder folder;
  const Tokenizer tokenizer = open_json(fallback_json("null", R"({"type": "ByteFallback"})"), folder);
  EXPECT_THAT(tokenizer.encode("ab\xc3\xa9", SpecialText::plain, false), ElementsAre(258, 0xc3, 0xa9));
  EXPECT_EQ(tokenizer.decode({258, 0xc3, 0xa9}), "ab\xc3\xa9");
}

TEST(FallbackJson, NormalizersActInTheirOrder) {
  const TemporaryFolder folder;
  const auto ids = [&](const char* normalizer, const char* text) {
    return open_json(fallback_json(normalizer, R"({"type": "Fuse"})"), folder)
        .encode(text, SpecialText::plain, false);
  };
  EXPECT_THAT(ids(R"({"type": "Prepend", "prepend": "a"})", "b"), ElementsAre(258));
  EXPECT_THAT(ids(R"({"type": "Prepend", "prepend": "a"})", ""), ElementsAre());
  EXPECT_THAT(ids(R"({"type": "Replace", "pattern": {"String": "xx"}, "content": "a"})", "xxxb"),
              ElementsAre(256, 'x', 257));
  EXPECT_THAT(ids(R"({"type": "Replace", "pattern": {"Regex": "x"}, "content": ""})", "axb"),
              ElementsAre(258));
  EXPECT_THAT(ids(R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "x"},
                     {"type": "Replace", "pattern": {"String": "x"}, "content": "a"}]})",
                  "b"),
              ElementsAre(258));
  EXPECT_THAT(
      ids(R"({"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [{"type": "NFC"}]}]})",
          "e\xcc\x81"),
      ElementsAre(0xc3, 0xa9));
  EXPECT_THAT(ids(R"({"type": "Sequence", "normalizers": []})", "a"), ElementsAre(256));
}

// As Hugging Face's tokenizers 0.23.3 has it.
TEST(FallbackJson, MetaspacePutsItsBlankWhereItIsTold) {
  const TemporaryFolder folder;
  const auto ids = [&](const char* scheme, const char* text) {
    std::string json =
        fallback_json("null", R"({"type": "Fuse"})",
                      R"({"type": "Metaspace", "replacement": "_", "split": false, "prepend_scheme": ")" +
                          std::string(scheme) + "\"}",
                      R"(, "_": 259)");
    json.replace(json.find("[]"), 2,
                 R"([{"id": 260, "content": "<s>", "special": true, "normalized": false}])");
    return open_json(json, folder).encode(text, SpecialText::parse, false);
  };
  EXPECT_THAT(ids("first", "a b<s>a"), ElementsAre(259, 256, 259, 257, 260, 256));
  EXPECT_THAT(ids("first", "<s>a"), ElementsAre(260, 256));
  EXPECT_THAT(ids("first", " a"), ElementsAre(259, 256)) << "it begins with one";
  EXPECT_THAT(ids("always", "a<s>a"), ElementsAre(259, 256, 260, 259, 256));
  EXPECT_THAT(ids("never", "a a"), ElementsAre(256, 259, 256));
}

TEST(FallbackJson, DecodersActInTheirOrder) {
  const TemporaryFolder folder;
  const auto text = [&](const char* decoder, const Ids& ids) {
    return open_json(fallback_json("null", decoder), folder).decode(ids);
  };
  EXPECT_EQ(text(R"({"type": "Fuse"})", {256, 65}), "a<0x41>");
  EXPECT_EQ(
      text(
          R"({"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "a"}, "content": " "},
                   {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 2, "stop": 1}]})",
          {256, 256, 256, 65, 256, 256}),
      " A ");
}

TEST(BadFallbackJson, StepsOfUnknownMeaningAreNamed) {
  const TemporaryFolder folder;
  const auto refuse = [&](const std::string& normalizer, const std::string& decoder,
                          const std::string& pre = "null") {
    const std::string message = refusal([&] { open_json(fallback_json(normalizer, decoder, pre), folder); });
    EXPECT_THAT(message, HasSubstr("; expected "));
    return message;
  };
  const std::string fuse = R"({"type": "Fuse"})";
  EXPECT_THAT(refuse(R"({"type": "Strip"})", fuse), HasSubstr("normalizer: found Strip"));
  EXPECT_THAT(refuse(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]})", fuse),
              HasSubstr("normalizer.normalizers[1]: found NFKC"));
  EXPECT_THAT(refuse(R"({"type": "Prepend"})", fuse), HasSubstr("normalizer.prepend: found nothing"));
  EXPECT_THAT(refuse(R"({"type": "Prepend", "prepend": ")" + std::string(65, 'a') + "\"}", fuse),
              HasSubstr("65 bytes"));
  const auto replace = [](const std::string& pattern) {
    return R"({"type": "Replace", "pattern": )" + pattern + R"(, "content": "a"})";
  };
  for (const char* regex : {"(a+)+$", "(", "\\\\C", "(?R)", " {2,}", "[ab]", "a|b", "."}) {
    EXPECT_THAT(refuse(replace(R"({"Regex": ")" + std::string(regex) + "\"}"), fuse),
                HasSubstr("unsupported pattern"));
  }
  EXPECT_THAT(refuse(replace(R"({"Regex": ")" + std::string(1 << 20, 'a') + "\"}"), fuse),
              HasSubstr("1048576 bytes"));
  EXPECT_THAT(refuse(replace(R"({"String": ""})"), fuse), HasSubstr("an empty one"));
  EXPECT_THAT(refuse(replace(R"({})"), fuse), HasSubstr("no pattern or two"));
  EXPECT_THAT(refuse(replace(R"("a")"), fuse), HasSubstr("an object"));
  std::string many = R"({"type": "Sequence", "normalizers": [{"type": "NFC"})";
  for (int i = 0; i < 16; ++i) many += R"(, {"type": "NFC"})";
  EXPECT_THAT(refuse(many + "]}", fuse), HasSubstr("at most 16"));

  const auto decoders = [&](const std::string& steps) {
    return refuse("null", R"({"type": "Sequence", "decoders": [)" + steps + "]}");
  };
  const std::string strip = R"({"type": "Strip", "content": " ", "start": 1, "stop": 0})";
  EXPECT_THAT(decoders(strip), HasSubstr("Strip at this place"));
  EXPECT_THAT(decoders(fuse + ", " + replace(R"({"String": "a"})")), HasSubstr("Replace at this place"));
  EXPECT_THAT(decoders(R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})"),
              HasSubstr("decoder.decoders[0].content: found 2 bytes"));
  EXPECT_THAT(decoders(fuse + R"(, {"type": "ByteFallback"})"), HasSubstr("ByteFallback at this place"));
  EXPECT_THAT(decoders(fuse + R"(, {"type": "Strip", "content": "ab", "start": 1, "stop": 0})"),
              HasSubstr("one character"));
  EXPECT_THAT(decoders(fuse + R"(, {"type": "Strip", "content": " ", "start": -1, "stop": 0})"),
              HasSubstr("found -1"));
  EXPECT_THAT(decoders(fuse + R"(, {"type": "Metaspace"})"),
              HasSubstr("decoder.decoders[1]: found Metaspace"));
  EXPECT_THAT(refuse("null", R"({"type": "ByteLevel"})"), HasSubstr("decoder: found ByteLevel"));
  EXPECT_THAT(refuse("null", fuse, R"({"type": "ByteLevel", "add_prefix_space": false})"),
              HasSubstr("pre_tokenizer: found ByteLevel; expected null or Metaspace"));
  const auto metaspace = [&](const std::string& members) {
    return refuse("null", fuse, R"({"type": "Metaspace", )" + members + "}");
  };
  EXPECT_THAT(metaspace(R"("replacement": "_", "prepend_scheme": "first")"), HasSubstr("split: found true"));
  EXPECT_THAT(metaspace(R"("replacement": "__", "prepend_scheme": "first", "split": false)"),
              HasSubstr("one character"));
  EXPECT_THAT(metaspace(R"("replacement": "_", "prepend_scheme": "last", "split": false)"),
              HasSubstr("found last"));
  EXPECT_THAT(metaspace(R"("replacement": "_", "add_prefix_space": true)"), HasSubstr("add_prefix_space"));
}

TEST(Normalizer, TextsThatWouldGrowTooLongAreRefused) {
  const std::vector<NormalizerStep> grow = {{NormalizerStep::Kind::replace, {"a", std::string(64, 'a')}}};
  EXPECT_EQ(normalized("aa", grow).size(), 128u);
  EXPECT_THAT(refusal([&] { normalized(std::string(1000, 'a'), grow); }),
              HasSubstr("is 64000 bytes long when normalised; expected at most 5024"));
}

}  // namespace
}  // namespace ra
