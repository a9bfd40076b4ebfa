#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace ra {
namespace {

using ::testing::ElementsAre;

std::string number_refusal(const std::string& text) {
  return refusal(Exit::usage, [&] { parse_number(text, "--runs", 1, 1000); });
}
std::string sizes_refusal(const std::string& text) {
  return refusal(Exit::usage, [&] { parse_sizes(text, "--batch-sizes", 256); });
}

TEST(Arguments, ANumberIsAWholeDecimalString) {
  EXPECT_EQ(parse_number("1", "--runs", 1, 1000), 1u);
  EXPECT_EQ(parse_number("1000", "--runs", 1, 1000), 1000u);
  EXPECT_EQ(parse_number("007", "--runs", 1, 1000), 7u) << "decimal, not octal";
  EXPECT_EQ(parse_number("18446744073709551615", "--seed", 0, UINT64_MAX), UINT64_MAX);
  for (const char* text : {"0", "1001", "-1", "+1", "1e3", "1.0", "99999999999999999999", "0x10", " 5", "5 ",
                           "", "\xef\xbc\x95", "1_000", "1,000"}) {
    EXPECT_NE(number_refusal(text), "accepted") << text;
  }
  EXPECT_EQ(number_refusal("1e3"), "--runs: found \"1e3\"; expected a decimal number from 1 to 1000");
  EXPECT_EQ(number_refusal("\x1b[2J"),
            "--runs: found \"\\u{1b}[2J\"; expected a decimal number from 1 to 1000");
}

TEST(Arguments, BatchSizesAreRangesAndListsWithoutDuplicates) {
  EXPECT_THAT(parse_sizes("1-4", "--batch-sizes", 256), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parse_sizes("16,1-2,8", "--batch-sizes", 256), ElementsAre(1, 2, 8, 16));
  EXPECT_THAT(parse_sizes("5-5", "--batch-sizes", 256), ElementsAre(5));
  for (const char* text : {"0", "1,,2", "8-1", "1,2,1", "1-4,4", "257", "1-257", "", ",", "1-", "-1", "1-2-3",
                           "1;2", "1 ,2", "a"}) {
    EXPECT_NE(sizes_refusal(text), "accepted") << text;
  }
  EXPECT_EQ(sizes_refusal("8-1"), "--batch-sizes: found \"8-1\"; expected a range that ascends");
  EXPECT_EQ(sizes_refusal("1-4,4"), "--batch-sizes: found \"1-4,4\"; expected no size twice (4 is)");
}

TEST(Arguments, ListsHaveNoEmptyPartAndNoPartTwice) {
  EXPECT_THAT(parse_list("standard,invariant", "--kernels"), ElementsAre("standard", "invariant"));
  for (const char* text : {"", ",", "a,", ",a", "a,,b", "a,b,a"}) {
    EXPECT_NE(refusal(Exit::usage, [&] { parse_list(text, "--kernels"); }), "accepted") << text;
  }
}

TEST(Arguments, AWordThatIsNoChoiceIsRefusedWithTheNearest) {
  EXPECT_EQ(one_of("--color", "never", {"auto", "always", "never"}), "never");
  EXPECT_EQ(refusal(Exit::usage,
                    [] {
                      one_of("--color", "alwyas", {"auto", "always", "never"});
                    }),
            "--color: found \"alwyas\"; expected one of auto, always, never, perhaps always");
}

}  // namespace
}  // namespace ra
