#include "core/nearest.h"

#include <gtest/gtest.h>

namespace ra {
namespace {

TEST(Nearest, IsSuggestedOnlyWhenItIsNear) {
  const std::vector<std::string> names = {"--runs", "--batch-sizes", "--seed", "--prompt"};
  EXPECT_EQ(nearest("--rnus", names), "--runs");
  EXPECT_EQ(nearest("--batch-size", names), "--batch-sizes");
  EXPECT_EQ(nearest("--promt", names), "--prompt");
  EXPECT_EQ(nearest("--zebra", names), "");
  EXPECT_EQ(perhaps("--zebra", names), "");
  EXPECT_EQ(perhaps("--sed", names), ", perhaps --seed");
}

TEST(Nearest, OfALongWordIsFoundAtOnce) {
  EXPECT_EQ(nearest(std::string(100'000, 'x'), std::vector<std::string>(1000, "latest")), "");
}

}  // namespace
}  // namespace ra
