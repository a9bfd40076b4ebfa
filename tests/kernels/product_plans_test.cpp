// What is timed before a product's kernel is chosen, and what is tried first then, asked without a GPU.
#include "kernels/cuda/product_plans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ra::cuda {
namespace {

using testing::ElementsAre;

TEST(ProductPlans, ARangeOfRowsEndsWithThoseItIsPlannedFor) {
  for (int rows = 1; rows < 5000; ++rows) {
    const int planned = planned_rows(rows);
    ASSERT_GE(planned, rows);
    ASSERT_EQ(planned_rows(planned), planned) << rows;
    ASSERT_LE(planned_rows(rows), planned_rows(rows + 1)) << rows;
  }
  EXPECT_EQ(planned_rows(97), 128);
  EXPECT_EQ(planned_rows(1000), 1024);
}

TEST(ProductPlans, GateUpIsTimedWithTheFewestTilesFirst) {
  EXPECT_THAT(gate_up_tile_rows(17), ElementsAre(64));
  EXPECT_THAT(gate_up_tile_rows(64), ElementsAre(64));
  EXPECT_THAT(gate_up_tile_rows(65), ElementsAre(128, 64));
  EXPECT_THAT(gate_up_tile_rows(128), ElementsAre(128, 168, 64));
  EXPECT_THAT(gate_up_tile_rows(512), ElementsAre(128, 168, 64)) << "four tiles of either: the smaller ones";
  EXPECT_THAT(gate_up_tile_rows(1024), ElementsAre(168, 128, 64));
}

TEST(ProductPlans, KernelsAboutAsFastAsTheFastestAreTriedAsTheyCome) {
  EXPECT_THAT(fastest_first({}, 8), ElementsAre());
  EXPECT_THAT(fastest_first({1.3f, 1.019f, 1.0f, 1.2f, 1.03f}, 256), ElementsAre(1, 2, 4, 3, 0));
  EXPECT_THAT(fastest_first({1.3f, 1.019f, 1.0f, 1.2f, 1.03f}, 257), ElementsAre(1, 2, 4, 3, 0));
  EXPECT_THAT(fastest_first({1.06f, 1.04f, 1.0f}, 256), ElementsAre(2, 1, 0));
  EXPECT_THAT(fastest_first({1.06f, 1.04f, 1.0f}, 257), ElementsAre(1, 2, 0))
      << "power decides: 4% are little";
  EXPECT_THAT(fastest_first({1.06f, 1.04f, 1.0f}, 1024), ElementsAre(1, 2, 0));
  EXPECT_THAT(fastest_first({1.06f, 1.04f, 1.0f}, 1025), ElementsAre(2, 1, 0)) << "a prefill's";
}

}  // namespace
}  // namespace ra::cuda
