// Prompts that are refused, with the line (bad-inputs B43, B44, B47).
#include "core/llm/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(PromptText, LosesOnlyTheLastLinesEnd) {
  EXPECT_EQ(prompt_text("Tell me\n", "p"), "Tell me");
  EXPECT_EQ(prompt_text("Tell me", "p"), "Tell me");
  EXPECT_EQ(prompt_text("\n a\n\nb \n\n", "p"), "\n a\n\nb \n");
  EXPECT_EQ(prompt_text("<|im_end|>\n", "p"), "<|im_end|>");
}

TEST(PromptText, IsRefusedWithTheLineOfWhatIsWrong) {
  const auto refuse = [](std::string bytes) {
    return refusal([&] { prompt_text(std::move(bytes), "prompt.txt"); });
  };
  EXPECT_EQ(refuse("one\ntwo\xc3"), "prompt.txt@7: line 2: byte 0xc3 is not UTF-8; expected UTF-8 text");
  EXPECT_THAT(refuse("\xed\xa0\x80"), HasSubstr("line 1: byte 0xed is not UTF-8"));
  EXPECT_THAT(refuse(std::string("a\n\n\0", 4)), HasSubstr("line 3: a NUL"));
  EXPECT_THAT(refuse("\xef\xbb\xbfTell"), HasSubstr("line 1: a byte order mark"));
  EXPECT_THAT(refuse("one\ntwo\r\n"), HasSubstr("line 2: a carriage return"));
  EXPECT_EQ(refuse(""), "prompt.txt: is empty; expected text");
  EXPECT_EQ(refuse("\n"), "prompt.txt: is empty; expected text");
}

TEST(PromptIds, CutAnywhereAreRefused) {
  const std::string whole = "[0, 639, 17]";
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(refusal([&] { prompt_ids(whole.substr(0, length), "p", 640); }), HasSubstr("p@")) << length;
}

TEST(PromptIds, AreIntegersWithinTheVocabulary) {
  EXPECT_THAT(prompt_ids("[0, 639]\n", "p", 640), ElementsAre(0, 639));
  const auto refuse = [](std::string_view json) {
    return refusal([&] { prompt_ids(json, "ids.json", 640); });
  };
  EXPECT_EQ(refuse("[1, 640]"), "ids.json: [1]: found 640; expected an integer from 0 to 639");
  EXPECT_THAT(refuse("[-1]"), HasSubstr("found -1"));
  EXPECT_THAT(refuse("[1.0]"), HasSubstr("found 1.0"));
  EXPECT_THAT(refuse("[1e2]"), HasSubstr("found 100"));
  EXPECT_THAT(refuse("[18446744073709551616]"), HasSubstr("64 bits"));
  EXPECT_THAT(refuse("[true]"), HasSubstr("found true"));
  EXPECT_THAT(refuse("[\"1\"]"), HasSubstr("found \"1\""));
  EXPECT_THAT(refuse("[[1]]"), HasSubstr("an array"));
  EXPECT_THAT(refuse("{\"ids\": [1]}"), HasSubstr("an array"));
  EXPECT_THAT(refuse("[]"), HasSubstr("without ids"));
  EXPECT_THAT(refuse("[1"), HasSubstr("ids.json@"));
  EXPECT_THAT(refuse(""), HasSubstr("ids.json@0"));
}

}  // namespace
}  // namespace ra
