#include "reports/escape.h"

#include <gtest/gtest.h>

namespace ra {
namespace {

TEST(Escape, MakesMarkupText) {
  EXPECT_EQ(escape("<a href=\"x\" b='y'>&amp;"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
}

TEST(Escape, ShowsWhatIsInvisible) {
  EXPECT_EQ(escape(std::string_view("a\0b\x1b\x7f", 5)), "a\\u{0}b\\u{1b}\\u{7f}");
  EXPECT_EQ(escape("\u0085\u00ad\u200b\u200f\u2028\u202e\u2066\ufeff\U000e0041"),
            "\\u{85}\\u{ad}\\u{200b}\\u{200f}\\u{2028}\\u{202e}\\u{2066}\\u{feff}\\u{e0041}");
}

TEST(Escape, ShowsOrKeepsBreaks) {
  EXPECT_EQ(escape("a\n\tb\r"), "a\\n\\tb\\u{d}");
  EXPECT_EQ(escape("a\n\tb\r", Breaks::kept), "a\n\tb\\u{d}");
}

TEST(Escape, KeepsWritingOfAllKinds) {
  EXPECT_EQ(escape("na\u00efve \u65e5\u672c \u0639\u0631\u0628\u064a \U0001f600"),
            "na\u00efve \u65e5\u672c \u0639\u0631\u0628\u064a \U0001f600");
}

// Expected: one U+FFFD for each maximal part, as Unicode's table 3-8 shows it.
TEST(RepairUtf8, ReplacesEachMaximalIllFormedPart) {
  EXPECT_EQ(repair_utf8("\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "\uFFFD\uFFFD\uFFFD\x62\uFFFD\x63\uFFFD\uFFFD\x64");
  EXPECT_EQ(repair_utf8("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(repair_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
  EXPECT_EQ(repair_utf8("\xE2\x82"), "\uFFFD") << "half a character";
  EXPECT_EQ(repair_utf8("\xE2\x82\xAC"), "\u20AC");
}

TEST(IsUtf8, SaysWhetherRepairWouldChangeAnything) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("\uFFFD"));
  EXPECT_FALSE(is_utf8("a\xff"));
}

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  const char* expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (size_t length = 0; length <= 6; ++length) {
    EXPECT_EQ(base64(std::string_view("foobar").substr(0, length)), expected[length]);
  }
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace ra
