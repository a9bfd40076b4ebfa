// How long the real program takes, and how much memory, where there is much to read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/audit/store.h"
#include "tests/cli/program.h"
#include "tests/support/audit_builder.h"
#include "tests/support/chained_audit.h"
#include "tests/support/example_audit.h"

namespace ra {
namespace {

// Under sanitizers everything takes longer and more.
#if defined(__SANITIZE_ADDRESS__)
constexpr double kSlack = 20;
#else
constexpr double kSlack = 2;
#endif

TEST(LargeDatabase, AReportOfAThousandRunsInAHundredStreamsIsMadeInASecondAnd200MiB) {
  const TemporaryFolder folder;
  const std::string database = folder / "audits.sqlite";
  Audit audit = example_of_a_hundred_streams();
  rename_audit(audit, audit.id);
  Store::open_writer(database).import(audit);
  const Finished made = run_program({"report", "--db", database, "--html", "-"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_LT(made.out.size(), 400'000u);
  EXPECT_LT(made.cpu_seconds, 1 * kSlack);
  EXPECT_LT(static_cast<double>(made.peak_bytes), 200 * kSlack * (1 << 20));
}

TEST(LargeDatabase, AThousandAuditsAreListedInAFifthOfASecond) {
  const TemporaryFolder folder;
  const std::string database = folder / "audits.sqlite";
  AuditBuilder builder({"standard", "invariant"}, {11, 12, 13, 14});
  builder.trial(TrialKind::random, 3, 1);
  builder.finish();
  {
    Store store = Store::open_writer(database);
    for (int i = 0; i < 1000; ++i) {
      rename_audit(builder.audit, "20261122T080000Z-" + std::to_string(i));
      store.import(builder.audit);
    }
  }
  const Finished listed = run_program({"list", "--db", database});
  ASSERT_EQ(listed.status, 0) << listed.err;
  EXPECT_EQ(std::count(listed.out.begin(), listed.out.end(), '\n'), 1000);
  EXPECT_LT(listed.cpu_seconds, 0.2 * kSlack);
}

}  // namespace
}  // namespace ra
