// Batch sizes that are a default give way where memory is short.
#include "cli/audit_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace ra {
namespace {

using testing::ElementsAre;

std::vector<int32_t> up_to(int32_t most) {
  std::vector<int32_t> sizes(static_cast<size_t>(most));
  std::iota(sizes.begin(), sizes.end(), 1);
  return sizes;
}

// With memory for batches of `most`; `asked` counts.
std::vector<int32_t> fitting(std::vector<int32_t> sizes, int32_t most, int& asked) {
  return fitting_sizes(std::move(sizes), [&](const std::vector<int32_t>& tried) {
    ++asked;
    return tried.back() <= most;
  });
}

TEST(FittingSizes, AreAllOfThemWhereThereIsMemory) {
  int asked = 0;
  EXPECT_EQ(fitting(up_to(32), 32, asked), up_to(32));
  EXPECT_EQ(asked, 1);
}

TEST(FittingSizes, LoseHalvesUntilThereIs) {
  int asked = 0;
  EXPECT_EQ(fitting(up_to(32), 31, asked), up_to(16));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(fitting(up_to(32), 5, asked), up_to(4));
  EXPECT_THAT(fitting({3, 20, 40}, 19, asked), ElementsAre(3));
}

TEST(FittingSizes, KeepTheLeastOneWhateverThereIs) {
  int asked = 0;
  EXPECT_THAT(fitting(up_to(32), 0, asked), ElementsAre(1));
  EXPECT_THAT(fitting({7, 9}, 0, asked), ElementsAre(7));
  EXPECT_THAT(fitting({7}, 0, asked), ElementsAre(7));
}

}  // namespace
}  // namespace ra
