#include "core/audit/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/plan_specs.h"

namespace ra {
namespace {

TEST(Plan, ExtentCoversEveryStep) {
  PlanSpec spec = spec_of(8);
  spec.batch_sizes = {1, 2};
  spec.max_tokens = 10;
  const PlanExtent room = extent(make_plan(spec), 16);
  EXPECT_EQ(room.sequences, 2);
  EXPECT_EQ(room.logit_rows, 2);
  EXPECT_EQ(room.positions, 518) << "the longest probe: 513 and five fed steps";
  EXPECT_GE(room.cached, 528);
  EXPECT_EQ(room.cached % 16, 0);
  EXPECT_LE(room.rows, 513 + 40);
  EXPECT_GE(room.row_total, room.step_total);
}

TEST(Strata, AreParsedByNameAndPrefixIsSaidToBeMissing) {
  for (Stratum stratum : {Stratum::rows, Stratum::chunk, Stratum::preempt, Stratum::all}) {
    EXPECT_EQ(parse_stratum(name_of(stratum)), stratum);
  }
  try {
    parse_stratum("prefix");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("prefix (reuse of a cached prefix is not supported yet)"));
  }
  EXPECT_THROW(parse_stratum("rows "), Error);
}

}  // namespace
}  // namespace ra
