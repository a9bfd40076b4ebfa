#include "core/audit/statistics.h"

#include <gtest/gtest.h>

namespace ra {
namespace {

// Expected values: the binomial tail in exact rational arithmetic, bisected (Python's fractions), to 12 digits.
TEST(ClopperPearson, UpperBoundsAreTheExactOnes) {
  struct Case {
    int64_t x, n;
    double expected;
  };
  for (const Case& at :
       {Case{0, 1, 0.95}, Case{0, 60, 0.048702913310}, Case{0, 62, 0.047169511375},
        Case{0, 100, 0.029513049607}, Case{0, 300, 0.009936081944}, Case{1, 60, 0.076639994935},
        Case{5, 60, 0.167263076425}, Case{12, 62, 0.294646852715}, Case{30, 60, 0.612589036984},
        Case{41, 62, 0.760568638606}, Case{59, 60, 0.999145477073}, Case{3, 300, 0.025641393083},
        Case{150, 300, 0.548991245291}}) {
    EXPECT_NEAR(upper95(at.x, at.n), at.expected, 1e-11) << at.x << " of " << at.n;
  }
}

TEST(ClopperPearson, WithoutTrialsOrWithNothingButEventsTheRateMayBeOne) {
  EXPECT_EQ(upper95(0, 0), 1.0);
  EXPECT_EQ(upper95(60, 60), 1.0);
}

TEST(ClopperPearson, ManyTrialsNeitherOverflowNorUnderflow) {
  const double bound = upper95(50'000, 100'000);
  EXPECT_GT(bound, 0.5025);  // the normal approximation gives 0.5026
  EXPECT_LT(bound, 0.5027);
}

TEST(Percentile, TakesTheNearestRank) {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  EXPECT_EQ(percentile(values, 0.999), 999);
  EXPECT_EQ(percentile(values, 0.25), 250);
  EXPECT_EQ(percentile({3, 1, 2}, 0.999), 3);
  EXPECT_EQ(percentile({3, 1, 2}, 0.0), 1);
}

TEST(Median, IsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

}  // namespace
}  // namespace ra
