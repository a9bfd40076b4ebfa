// Lists of prompts: what is taken, and what is refused with its line (bad-inputs B43, B46, B47).
#include "core/llm/prompt_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace ra {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<ListedPrompt> list_of(const std::string& bytes, size_t most = 100) {
  return prompt_list(bytes, "list", 640, most);
}

std::string refuse(const std::string& bytes) {
  return refusal([&] { list_of(bytes); });
}

TEST(PromptList, HoldsTextsAndIdsInTheOrderOfTheLines) {
  const auto list = list_of(
      "{\"id\": \"b\", \"prompt\": \"two\\nlines\"}\n"
      " {\"prompt_ids\": [0, 639], \"id\": \"a \xc3\xa9\"} ");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].id, "b");
  EXPECT_EQ(list[0].text, "two\nlines");
  EXPECT_TRUE(list[0].ids.empty());
  EXPECT_EQ(list[1].id, "a \xc3\xa9");
  EXPECT_THAT(list[1].ids, ElementsAre(0, 639));
  EXPECT_EQ(list[1].line, 2u);
  EXPECT_EQ(list_of("{\"id\":\"a\",\"prompt\":\"x\"}\n").size(), 1u) << "with the last line's end";
}

TEST(PromptList, B43BytesThatAreNoPlainUtf8AreRefusedWithTheirLine) {
  const std::string good = "{\"id\":\"a\",\"prompt\":\"x\"}\n";
  EXPECT_EQ(refuse(good + "\xff"), "list@24: line 2: byte 0xff is not UTF-8; expected UTF-8 text");
  EXPECT_THAT(refuse(good + "{\"id\":\"\xed\xa0\x80\"}"), HasSubstr("line 2: byte 0xed is not UTF-8"));
  EXPECT_THAT(refuse(good + '\0'), HasSubstr("line 2: a NUL"));
  EXPECT_THAT(refuse("{\"id\":\"a\",\"prompt\":\"x\"}\r\n"), HasSubstr("line 1: a carriage return"));
  EXPECT_THAT(refuse("\xef\xbb\xbf" + good), HasSubstr("line 1: a byte order mark"));
}

TEST(PromptList, B43EscapesOfWhatIsNoTextAreRefusedWithTheirLine) {
  const std::string good = "{\"id\":\"a\",\"prompt\":\"x\"}\n";
  EXPECT_THAT(refuse(good + R"({"id":"b","prompt":"\ud800"})"), HasSubstr("list: line 2@"));
  EXPECT_THAT(refuse(good + R"({"id":"b","prompt":"\u0000"})"), HasSubstr("list: line 2"));
}

TEST(PromptList, B43AnEmptyLineIsRefused) {
  EXPECT_EQ(refuse("{\"id\":\"a\",\"prompt\":\"x\"}\n\n{\"id\":\"b\",\"prompt\":\"x\"}\n"),
            "list: line 2: an empty line; expected a JSON object");
  EXPECT_EQ(refuse("\n"), "list: line 1: an empty line; expected a JSON object");
}

TEST(PromptList, B43AMissingOrDoubleIdIsRefused) {
  EXPECT_EQ(refuse(R"({"prompt":"x"})"), "list: line 1: no id; expected one");
  EXPECT_EQ(refuse("{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"b\",\"prompt\":\"x\"}\n{\"id\":\"a\","
                   "\"prompt\":\"y\"}"),
            "list: line 3: id \"a\" is that of line 1; expected each once");
}

TEST(PromptList, AnIdIsAShortTextWithoutControls) {
  EXPECT_THAT(refuse(R"({"id":"","prompt":"x"})"), HasSubstr("id \"\"; expected 1 to 100 bytes"));
  EXPECT_THAT(refuse(R"({"id":"a\nb","prompt":"x"})"), HasSubstr("without control characters"));
  EXPECT_THAT(refuse(R"({"id":")" + std::string(101, 'a') + R"(","prompt":"x"})"), HasSubstr("1 to 100"));
  EXPECT_THAT(refuse(R"({"id":7,"prompt":"x"})"), HasSubstr("line 1: id: found"));
}

TEST(PromptList, ALineIsAnObjectOfTheKnownMembersAlone) {
  EXPECT_THAT(refuse("[1]"), HasSubstr("list: line 1: found an array; expected an object"));
  EXPECT_THAT(refuse(R"({"id":"a","prompt":"x","companions":"y"})"),
              HasSubstr("unknown member \"companions\""));
  EXPECT_THAT(refuse(R"({"id":"a"})"), HasSubstr("neither prompt and prompt_ids; expected one of them"));
  EXPECT_THAT(refuse(R"({"id":"a","prompt":"x","prompt_ids":[1]})"), HasSubstr("both prompt and prompt_ids"));
  EXPECT_THAT(refuse(R"({"id":"a","prompt":"x","prompt":"y"})"), HasSubstr("list: line 1@"));
  EXPECT_THAT(refuse(R"({"id":"a","prompt":""})"), HasSubstr("an empty prompt"));
  EXPECT_THAT(refuse(R"({"id":"a","prompt":"x"} {})"), HasSubstr("list: line 1@"));
}

TEST(PromptList, B47IdsThatAreNoneOfTheVocabularyAreRefused) {
  for (const char* ids : {"[640]", "[-1]", "[1.0]", "[]", "{}", "[\"1\"]"})
    EXPECT_THAT(refuse(std::string(R"({"id":"a","prompt_ids":)") + ids + "}"),
                HasSubstr("line 1: prompt_ids"))
        << ids;
}

TEST(PromptList, B46NoPromptIsAMistakeAndTooManyAreRefused) {
  EXPECT_THAT(refusal(Exit::usage, [] { list_of(""); }), HasSubstr("no prompt"));
  const std::string two = "{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"b\",\"prompt\":\"x\"}\n";
  EXPECT_EQ(list_of(two, 2).size(), 2u);
  EXPECT_EQ(refusal([&] { list_of(two, 1); }), "list: line 2: more prompts; expected at most 1");
}

}  // namespace
}  // namespace ra
