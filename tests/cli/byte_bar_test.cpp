// The line of a long read.
#include "cli/byte_bar.h"

#include <gtest/gtest.h>

namespace ra {
namespace {

TEST(ByteBar, SaysHowMuchOfHowMany) {
  const ByteBar bar("checking", 80);
  EXPECT_EQ(bar.line(0, 100 << 20), "checking [........................]   0% of 100.0 MiB");
  EXPECT_EQ(bar.line(50 << 20, 100 << 20), "checking [############............]  50% of 100.0 MiB");
  EXPECT_EQ(bar.line(100 << 20, 100 << 20), "checking [########################] 100% of 100.0 MiB");
  EXPECT_EQ(bar.line(0, 0), "checking [########################] 100% of 0.0 MiB");
}

}  // namespace
}  // namespace ra
