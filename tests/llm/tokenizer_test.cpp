#include "core/llm/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "core/llm/byte_alphabet.h"
#include "core/llm/nfc.h"
#include "core/llm/pre_tokenizer.h"
#include "core/llm/tokenizer_definition.h"
#include "core/utf8.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ids = std::vector<int32_t>;

const char* const kKinds[] = {"gpt2", "smollm", "llama3", "qwen2"};

Tokenizer golden_tokenizer(const std::string& kind) {
  return Tokenizer::open({.tokenizer_json = golden_path("tokenizer-" + kind + "/tokenizer.json")});
}

// Valid UTF-8 of all lengths of characters, with the marks of added tokens between.
std::string random_text(std::mt19937& random, size_t characters) {
  constexpr char32_t kLimits[] = {0x80, 0x800, 0xd800, 0x1f600};
  const std::vector<std::string> marks = {"<|im_start|>", "<|im_end|>", "<|",  " \n",
                                          "\r\n",         "'s",         "123", "  "};
  std::string text;
  for (size_t i = 0; i < characters; ++i) {
    if (random() % 8 == 0) {
      text += marks[random() % marks.size()];
      continue;
    }
    const char32_t c = 1 + random() % (kLimits[random() % 4] - 1);
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
    } else if (c < 0xd800) {
      text += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
               static_cast<char>(0x80 | (c & 0x3f))};
    } else {
      text += "\xf0\x9f\x98\x80";
    }
  }
  return text;
}

TEST(Tokenizer, DecodingGivesTheTextBack) {
  std::mt19937 random(1);
  for (const char* kind : kKinds) {
    const Tokenizer tokenizer = golden_tokenizer(kind);
    for (int i = 0; i < 300; ++i) {
      const std::string text = random_text(random, 1 + random() % 60);
      const std::string expected = std::string(kind) == "qwen2" ? nfc(text) : text;
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, SpecialText::plain, false)), expected) << kind;
      if (expected == text) {
        ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, SpecialText::parse, false)), text) << kind;
      }
    }
  }
}

// B45: what looks like a special token in a prompt is text, unless it is asked for.
TEST(Tokenizer, SpecialTextIsPlainUnlessParsed) {
  for (const char* kind : kKinds) {
    const Tokenizer tokenizer = golden_tokenizer(kind);
    const int32_t start = tokenizer.special_id("<|im_start|>");
    ASSERT_EQ(start, 638);
    const Ids plain = tokenizer.encode("<|im_start|>", SpecialText::plain, false);
    EXPECT_GT(plain.size(), 1u);
    EXPECT_THAT(plain, testing::Each(testing::Lt(637)));
    EXPECT_EQ(tokenizer.decode(plain), "<|im_start|>");
    EXPECT_THAT(tokenizer.encode("<|im_start|>", SpecialText::parse, false), ElementsAre(start));
  }
  EXPECT_EQ(golden_tokenizer("gpt2").special_id("a"), -1) << "an ordinary token is no special one";
}

TokenizerSource source_with(std::vector<std::string> added, int32_t type) {
  TokenizerSource source{
      .pre = "gpt-2", .model = "gpt2", .tokens = {"a", "b", "c", "<", ">", "ab"}, .merges = {"a b"}};
  source.token_types.assign(source.tokens.size(), 1);
  for (std::string& text : added) {
    source.tokens.push_back(std::move(text));
    source.token_types.push_back(type);
  }
  return source;
}

TEST(Tokenizer, AddedTokensAreFoundLeftmostThenLongest) {
  const Tokenizer tokenizer = Tokenizer::open(source_with({"<a", "<ab>", "b>c", "<abc"}, 4));
  EXPECT_THAT(tokenizer.encode("<ab>", SpecialText::parse, false), ElementsAre(7))
      << "the longest at its place";
  EXPECT_THAT(tokenizer.encode("<ab>c", SpecialText::parse, false), ElementsAre(7, 2))
      << "the leftmost first";
  EXPECT_THAT(tokenizer.encode("<abb>c", SpecialText::parse, false), ElementsAre(6, 1, 8));
  EXPECT_THAT(tokenizer.encode("<<abc<a", SpecialText::parse, false), ElementsAre(3, 9, 6));
}

TEST(Tokenizer, AddedTokensThatAreNotSpecialAreFoundInPlainTextToo) {
  const Tokenizer user_defined = Tokenizer::open(source_with({"<c>"}, 4));
  EXPECT_THAT(user_defined.encode("a<c>", SpecialText::plain, false), ElementsAre(0, 6));
  const Tokenizer control = Tokenizer::open(source_with({"<c>"}, 3));
  EXPECT_THAT(control.encode("a<c>", SpecialText::plain, false), ElementsAre(0, 3, 2, 4));
  const Tokenizer unused = Tokenizer::open(source_with({"<c>"}, 5));
  EXPECT_THAT(unused.encode("a<c>", SpecialText::parse, false), ElementsAre(0, 3, 2, 4));
  EXPECT_EQ(unused.piece(6), "<c>");
}

TEST(Tokenizer, AddedTokensCutTheTextThatIsMerged) {
  const Tokenizer tokenizer = Tokenizer::open(source_with({"<c>"}, 3));
  EXPECT_THAT(tokenizer.encode("ab", SpecialText::parse, false), ElementsAre(5));
  EXPECT_THAT(tokenizer.encode("a<c>b", SpecialText::parse, false), ElementsAre(0, 6, 1));
}

TEST(Tokenizer, BytesWithoutATokenAreDropped) {
  const Tokenizer tokenizer = Tokenizer::open(source_with({}, 3));
  EXPECT_THAT(tokenizer.encode("azb", SpecialText::plain, false), ElementsAre(5))
      << "as the reference merges then";
  EXPECT_THAT(tokenizer.encode("zz", SpecialText::plain, false), ElementsAre());
}

TEST(Tokenizer, IdsBeyondTheVocabularyHaveNoText) {
  const Tokenizer tokenizer = golden_tokenizer("gpt2");
  EXPECT_EQ(tokenizer.piece(tokenizer.size()), "");
  EXPECT_EQ(tokenizer.decode({0, 100'000, 1}), tokenizer.piece(0) + tokenizer.piece(1));
  EXPECT_THROW(tokenizer.piece(-1), Error);
}

TEST(Tokenizer, TextThatIsNotUtf8IsRefusedWithItsOffset) {
  const Tokenizer tokenizer = golden_tokenizer("gpt2");
  for (const char* bad :
       {"\xff", "\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe4\xb8"}) {
    const std::string text = std::string("twelve bytes") + bad;
    EXPECT_THAT(refusal([&] { tokenizer.encode(text, SpecialText::plain, false); }),
                HasSubstr("text@12: byte 0x"));
  }
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\xf4\x8f\xbf\xbf\xed\x9f\xbf", SpecialText::plain, false)),
            "\xf4\x8f\xbf\xbf\xed\x9f\xbf");
}

// Merging in order of rank, by looking through all pairs each time: what the queue must agree with.
Ids merged_one_by_one(Ids ids, const std::vector<std::pair<Ids, int32_t>>& merges) {
  for (bool again = true; again;) {
    again = false;
    for (const auto& [pair, whole] : merges) {
      const auto at = std::search(ids.begin(), ids.end(), pair.begin(), pair.end());
      if (at == ids.end()) continue;
      *at = whole;
      ids.erase(at + 1);
      again = true;
      break;
    }
  }
  return ids;
}

TEST(Tokenizer, LongPiecesAreMergedInTheOrderOfShortOnes) {
  TokenizerSource source{.pre = "gpt-2", .model = "gpt2", .tokens = {"a", "b"}};
  std::vector<std::pair<Ids, int32_t>> merges;
  std::mt19937 random(2);
  while (source.tokens.size() < 40) {
    const auto left = static_cast<int32_t>(random() % source.tokens.size());
    const auto right = static_cast<int32_t>(random() % source.tokens.size());
    const std::string joined = source.tokens[left] + source.tokens[right];
    if (std::count(source.tokens.begin(), source.tokens.end(), joined) != 0) continue;
    source.merges.push_back(source.tokens[left] + " " + source.tokens[right]);
    merges.push_back({{left, right}, static_cast<int32_t>(source.tokens.size())});
    source.tokens.push_back(joined);
  }
  source.token_types.assign(source.tokens.size(), 1);
  const Tokenizer tokenizer = Tokenizer::open(source);
  for (int i = 0; i < 400; ++i) {
    std::string text;
    Ids bytes;
    for (size_t length = 1 + random() % 200; text.size() < length;) {
      const int32_t id = static_cast<int32_t>(random() % 2);
      text += id == 0 ? 'a' : 'b';
      bytes.push_back(id);
    }
    ASSERT_EQ(tokenizer.encode(text, SpecialText::plain, false), merged_one_by_one(bytes, merges)) << text;
  }
}

// B44. Bounds are an order above what a machine with two busy cores takes; a quadratic step would take minutes.
TEST(Tokenizer, LongInputsTakeTimeInProportion) {
  std::vector<std::pair<std::string, std::string>> texts;
  const auto repeated = [&](const char* name, const std::string& part, size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += part;
    texts.emplace_back(name, std::move(text));
  };
  repeated("carets", "^", 1'000'000);
  repeated("blanks", " ", 500'000);
  repeated("blanks and line ends", " \n", 500'000);
  repeated("several blanks", " \t\xc2\xa0", 500'000);
  repeated("letters", "a", 500'000);
  repeated("digits", "7", 500'000);
  repeated("marks out of order", "\xcc\x80\xcc\xa3", 500'000);
  repeated("almost special", "<|im_start|", 500'000);
  repeated("prose", "The quick brown fox, it's 1234 and\n  more. ", 4'000'000);
  for (const char* kind : {"smollm", "qwen2"}) {
    const Tokenizer tokenizer = golden_tokenizer(kind);
    for (const auto& [name, text] : texts) {
      const auto start = std::chrono::steady_clock::now();
      const Ids ids = tokenizer.encode(text, SpecialText::parse, false);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      EXPECT_GT(ids.size(), text.size() / 20) << name;
      EXPECT_LT(seconds.count(), 10) << kind << ", " << name;
    }
  }
  EXPECT_THAT(refusal([] {
                golden_tokenizer("gpt2").encode(std::string(kMaxTextBytes + 1, 'a'), SpecialText::plain,
                                                false);
              }),
              HasSubstr("expected at most"));
}

TEST(PreTokenizer, PiecesFollowTheFourRules) {
  const auto split = [](PreTokenizerKind kind, std::string_view text) {
    std::vector<std::string> pieces;
    for (const std::string_view piece : PreTokenizer(kind).split(text)) pieces.emplace_back(piece);
    return pieces;
  };
  const char* const text = "I'LL pay  12345\n\n you're";
  EXPECT_THAT(split(PreTokenizerKind::gpt2, text),
              ElementsAre("I", "'", "LL", " pay", " ", " 12345", "\n\n", " you", "'re"));
  EXPECT_THAT(split(PreTokenizerKind::smollm, text),
              ElementsAre("I", "'", "LL", " pay", "  ", "1", "2", "3", "4", "5", "\n\n", " you", "'re"));
  EXPECT_THAT(split(PreTokenizerKind::llama3, text),
              ElementsAre("I", "'LL", " pay", " ", " ", "123", "45", "\n\n", " you", "'re"));
  EXPECT_THAT(split(PreTokenizerKind::qwen2, text),
              ElementsAre("I", "'LL", " pay", " ", " ", "1", "2", "3", "4", "5", "\n\n", " you", "'re"));
  // U+180E is no White_Space, though PCRE2's \s has it; U+0085 and U+3000 are.
  EXPECT_THAT(split(PreTokenizerKind::gpt2, "\xe1\xa0\x8e!"), ElementsAre("\xe1\xa0\x8e!"));
  EXPECT_THAT(split(PreTokenizerKind::gpt2, "\xc2\x85\xe3\x80\x80"), ElementsAre("\xc2\x85\xe3\x80\x80"));
}

TEST(ByteAlphabet, HasOneCharacterForEachByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string& symbol = byte_symbols()[byte];
    EXPECT_EQ(bytes_of_symbols(symbol), std::string(1, static_cast<char>(byte)));
    EXPECT_EQ(valid_utf8_prefix(symbol), symbol.size());
    all += symbol;
  }
  EXPECT_EQ(bytes_of_symbols(all)->size(), 256u);
  EXPECT_EQ(byte_symbols()[' '], "\xc4\xa0");
  for (const char* outside : {" ", "\x7f", "\xc5\x84", "\xe4\xb8\xad", "\xc4", "\xc2\xad"}) {
    EXPECT_FALSE(bytes_of_symbols(outside).has_value()) << outside;
  }
}

TEST(Nfc, ComposesAndOrdersAsUnicodeSays) {
  EXPECT_EQ(nfc("plain"), "plain");
  EXPECT_EQ(nfc("e\xcc\x81"), "\xc3\xa9");
  EXPECT_EQ(nfc("\xe2\x84\xab"), "\xc3\x85") << "the angstrom sign is a letter A with ring";
  EXPECT_EQ(nfc("a\xcc\x81\xcc\xa3"), "\xe1\xba\xa1\xcc\x81") << "the dot below comes before the acute";
  EXPECT_EQ(nfc("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"), "\xed\x95\x9c");
  EXPECT_EQ(nfc("\xef\xac\x81"), "\xef\xac\x81") << "ligatures are only compatible";
  EXPECT_EQ(nfc("\xcc\x81"), "\xcc\x81") << "a mark without a letter";
}

}  // namespace
}  // namespace ra
