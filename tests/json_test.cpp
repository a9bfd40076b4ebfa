#include "core/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The message of the error that `text` gives; empty if it is accepted.
std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, "a.json", limits);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::bad_input);
    return error.what();
  }
}

template <typename Read>
std::string type_error(Read read) {
  try {
    read();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Json, KeepsMembersInOrderOfAppearance) {
  const Json json = parse_json(R"({"b": 1, "a": [true, null, "x"]})", "a.json");
  ASSERT_EQ(json.object("a").size(), 2u);
  EXPECT_EQ(json.object("a")[0].key, "b");
  EXPECT_EQ(json.find("b")->unsigned_integer("b"), 1u);
  const Json::Array& array = json.find("a")->array("a");
  ASSERT_EQ(array.size(), 3u);
  EXPECT_TRUE(array[0].boolean("0"));
  EXPECT_TRUE(array[1].is_null());
  EXPECT_EQ(array[2].string("2"), "x");
  EXPECT_EQ(json.find("c"), nullptr);
  EXPECT_EQ(array[2].find("c"), nullptr) << "a string has no members";
}

TEST(Json, IntegersStayIntegersUpTo64Bits) {
  EXPECT_EQ(parse_json("18446744073709551615", "a").unsigned_integer("a"), UINT64_MAX);
  EXPECT_EQ(parse_json("-9223372036854775808", "a").integer("a"), INT64_MIN);
  EXPECT_EQ(parse_json("9007199254740993", "a").unsigned_integer("a"), 9007199254740993u)
      << "not through a double";
  EXPECT_THAT(refusal("18446744073709551616"),
              HasSubstr("18446744073709551616; expected an integer of at most 64"));
  EXPECT_THAT(refusal("[-9223372036854775809]"), HasSubstr("64 bits"));
}

TEST(Json, NumbersAreFinite) {
  EXPECT_EQ(parse_json("1.5e300", "a").number("a"), 1.5e300);
  EXPECT_EQ(parse_json("7", "a").number("a"), 7.0);
  EXPECT_EQ(refusal("{\"rope_theta\": 1e400}"),
            "a.json@19: number beyond a double's range; expected a finite number");
  EXPECT_THAT(refusal("NaN"), StartsWith("a.json@0: "));
  EXPECT_NE(refusal("Infinity"), "");
  EXPECT_NE(refusal("01"), "");
  EXPECT_NE(refusal("+1"), "");
  EXPECT_NE(refusal("0x10"), "");
}

TEST(Json, RefusesWhatTheParserBelowItWouldLetPass) {
  EXPECT_EQ(refusal("\xef\xbb\xbf{}"), "a.json@0: a byte order mark; expected JSON in UTF-8 without one");
  EXPECT_EQ(refusal(std::string_view("{}\0garbage", 10)), "a.json@2: a NUL byte; expected valid JSON");
  EXPECT_EQ(refusal(R"( {"a": 1, "b": 2, "a": 3})"),
            "a.json@1: an object with two members \"a\"; expected distinct keys");
  EXPECT_EQ(refusal(R"({"t": {"dtype": "F32", "dtyp\u0065": "F16"}})"),
            "a.json@6: an object with two members \"dtype\"; expected distinct keys");
  EXPECT_EQ(refusal("{} {}"), "a.json@3: unexpected '{'; expected end of input");
}

TEST(Json, RefusesInvalidUtf8AndLoneSurrogates) {
  EXPECT_EQ(refusal("[\"\xff\"]"), "a.json@2: invalid string: ill-formed UTF-8 byte; expected valid JSON");
  EXPECT_NE(refusal("\"\xc0\xaf\""), "") << "overlong";
  EXPECT_NE(refusal("\"\xed\xa0\x80\""), "") << "a surrogate";
  EXPECT_NE(refusal(R"("\ud800")"), "");
  EXPECT_EQ(parse_json(R"("\ud83d\ude00")", "a").string("a"), "\xf0\x9f\x98\x80");
}

TEST(Json, RefusesTruncatedAndLooseSyntax) {
  for (const char* text : {"", " ", "{", "[", "{\"a\"", "{\"a\":", "[1,]", "{\"a\":1,}", "[1 2]", "nul",
                           "'a'", "\"a\nb\"", "// c\n1", "[1]]"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_EQ(refusal("{"), "a.json@1: unexpected end of input; expected string literal");
}

TEST(Json, ErrorsNeverCarryWhatATerminalWouldActOn) {
  const std::string message = refusal("{\"\\u001b]52\": 1, \"\\u001b]52\": 2}");
  EXPECT_THAT(message, HasSubstr("\\u{1b}]52"));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(Json, DepthIsBoundedBeforeAnythingRecurses) {
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_EQ(refusal(std::string(65, '[') + std::string(65, ']')),
            "a.json@64: more than 64 levels of nesting; expected fewer");
  EXPECT_THAT(refusal(std::string(200'000, '[')), HasSubstr("64 levels"));
  EXPECT_THAT(refusal("[[1]]", {.max_depth = 1}), HasSubstr("1 levels"));
}

TEST(Json, ValuesAndKeysAreCounted) {
  EXPECT_EQ(refusal(R"({"a": [1, 2]})", {.max_values = 5}), "");
  EXPECT_THAT(refusal(R"({"a": [1, 2]})", {.max_values = 4}), HasSubstr("more than 4 values and keys"));
}

TEST(Json, ManyKeysTakeNearlyLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += "\"model.layers.weight." + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "a").object("a").size(), 300'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20))
      << "a quadratic search takes minutes";
}

TEST(Json, AccessorsNameTheValueWhatWasFoundAndWhatWasExpected) {
  const Json text = parse_json("\"32\"", "a");
  EXPECT_EQ(type_error([&] { text.unsigned_integer("config.json: layers"); }),
            "config.json: layers: found \"32\"; expected an integer from 0 to 18446744073709551615");
  EXPECT_EQ(type_error([] { parse_json("-1", "a").unsigned_integer("x", 9); }),
            "x: found -1; expected an integer from 0 to 9");
  EXPECT_EQ(type_error([] { parse_json("10", "a").unsigned_integer("x", 9); }),
            "x: found 10; expected an integer from 0 to 9");
  EXPECT_EQ(type_error([] { parse_json("1.0", "a").unsigned_integer("x", 9); }),
            "x: found 1.0; expected an integer from 0 to 9");
  EXPECT_EQ(type_error([] { parse_json("18446744073709551615", "a").integer("x"); }),
            "x: found 18446744073709551615; expected an integer of 64 bits with a sign");
  EXPECT_EQ(type_error([] { parse_json("true", "a").number("x"); }), "x: found true; expected a number");
  EXPECT_EQ(type_error([] { parse_json("{}", "a").array("x"); }), "x: found an object; expected an array");
  EXPECT_EQ(type_error([] { parse_json("[]", "a").object("x"); }), "x: found an array; expected an object");
  EXPECT_EQ(type_error([] { parse_json("null", "a").string("x"); }), "x: found null; expected a string");
  EXPECT_EQ(type_error([] { parse_json("1", "a").boolean("x"); }), "x: found 1; expected true or false");
}

TEST(JsonLine, IsOneLineOfAsciiThatReadsBackTheSame) {
  const Json json = parse_json("{\"a\":[1,-2,0.1,1e300,null,true],\"b\":\"\\u202e\\n\xc3\xa9\"}", "a");
  EXPECT_EQ(json_line(json), "{\"a\":[1,-2,0.1,1e+300,null,true],\"b\":\"\\u202e\\n\\u00e9\"}\n");
  EXPECT_EQ(json_line(parse_json(json_line(json), "a")), json_line(json));
}

TEST(JsonBytes, AreTextWhereTheyCanBeAndComeBackWhole) {
  for (const std::string& bytes : {std::string(), std::string("a\0b", 3), std::string("\xc3\xa9"),
                                   std::string("\xff\x0a"), std::string("\xed\xa0\x80")}) {
    EXPECT_EQ(parse_json(json_line(json_bytes(bytes)), "a").bytes("a"), bytes);
  }
  EXPECT_TRUE(json_bytes("\xc3\xa9").is_string());
  EXPECT_EQ(json_line(json_bytes("\xff\x0a")), "{\"hex\":\"ff0a\"}\n");
  for (const char* text :
       {"7", "{}", R"({"hex":7})", R"({"hex":"f"})", R"({"hex":"FF"})", R"({"hex":"ff","b":1})"}) {
    EXPECT_THAT(type_error([&] { parse_json(text, "a").bytes("x"); }), StartsWith("x: found ")) << text;
  }
}

TEST(Printable, EscapesControlsBidiZeroWidthAndBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("plain, \xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80"),
            "plain, \xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable(std::string_view("\0\x1b\x7f\xc2\x9b", 5)), "\\u{0}\\u{1b}\\u{7f}\\u{9b}");
  EXPECT_EQ(printable("\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8"),
            "\\u{202e}\\u{200b}\\u{feff}\\u{2028}");
  EXPECT_EQ(printable("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe4\xb8"),
            "\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe4\\xb8");
}

TEST(Printable, CutsBetweenCharactersAndKeepsToTheLimit) {
  EXPECT_EQ(printable("0123456789", 10), "0123456789");
  EXPECT_EQ(printable("0123456789a", 10), "0123456...");
  EXPECT_EQ(printable("012345\xe4\xb8\xad"
                      "89ab",
                      10),
            "012345...");
  EXPECT_EQ(printable("012345\x1b", 10), "012345...") << "an escape is whole or absent";
  EXPECT_EQ(printable("abc", 2), "..");
}

}  // namespace
}  // namespace ra
