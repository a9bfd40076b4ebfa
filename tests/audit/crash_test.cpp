// What is promised is tested by breaking it: killed processes, files that may not grow, two writers. Whatever happens,
// nothing that was acknowledged is lost, and the resumed audit equals one that was never interrupted.
#include <sys/resource.h>

#include "core/error.h"
#include "tests/support/crash_fixture.h"

namespace ra {
namespace {

class Crash : public CrashFixture {};

TEST_F(Crash, KilledAtEveryCommitBoundaryItEqualsAnUninterruptedAudit) {
  const PlanSpec spec = scripted_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  const int64_t turns = static_cast<int64_t>(expected.plan.order.size());
  int64_t kills = 0;
  for (bool ended = false; !ended;) {
    ended = in_child([&] {
      // By turns right after a commit, and right before the trial that follows the warm-up.
      const bool after = kills % 2 == 0;
      go_on(
          path, spec,
          [&](int64_t calls) {
            if (!after && calls == 2) raise(SIGKILL);
          },
          [&](int64_t) {
            if (after) raise(SIGKILL);
          });
    });
    expect_kept(path, "kill " + std::to_string(kills));
    kills += !ended;
    ASSERT_LE(kills, turns * 2);
  }
  EXPECT_GE(kills, turns / 2);
  expect_same(Store::open_reader(path).load(kId), expected, "at the end");
}

TEST_F(Crash, KilledAtRandomMomentsItEqualsAnUninterruptedAudit) {
  const PlanSpec spec = scripted_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  uint64_t kills = 0;
  constexpr uint64_t kWantedKills = 60;
  for (int audits = 0; kills < kWantedKills && audits < 100; ++audits) {
    remove_database(path);
    for (bool ended = false; !ended;) {
      ended = in_child(
          [&] { go_on(path, spec); },
          [&](pid_t child) {
            usleep(static_cast<useconds_t>(1000 + draw(3, 1, kills, static_cast<uint64_t>(audits), 30'000)));
            kill(child, SIGKILL);
          });
      expect_kept(path, "kill " + std::to_string(kills));
      kills += !ended;
    }
    expect_same(Store::open_reader(path).load(kId), expected, "at the end");
  }
  EXPECT_GE(kills, kWantedKills);
}

TEST_F(Crash, AFileSizeLimitEndsTheAuditResumable) {
  const PlanSpec spec = scripted_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  Store::open_writer(path);
  const uintmax_t empty = std::filesystem::file_size(path);
  const uintmax_t whole = std::filesystem::file_size(folder_ / "uninterrupted.db");
  for (uintmax_t quarters = 0; quarters < 4; ++quarters) {
    const rlim_t bytes = empty + (whole - empty) * quarters / 4;
    int exit_status = -1;
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{bytes, bytes};
      setrlimit(RLIMIT_FSIZE, &limit);
      try {
        go_on(path, spec);
      } catch (const Error& error) {
        _exit(static_cast<int>(error.status()));
      }
      _exit(0);
    }
    waitpid(child, &exit_status, 0);
    EXPECT_EQ(WEXITSTATUS(exit_status), static_cast<int>(Exit::storage)) << quarters;
    expect_kept(path, "limit " + std::to_string(quarters));
  }
  expect_completed(path, spec, expected, "at last");
}

TEST_F(Crash, TwoWritersAndAReaderOnOneFileLoseNothing) {
  const PlanSpec spec = scripted_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  int refused = 0;
  int reads = 0;
  const auto disturb = [&](pid_t child) {
    for (; runs(child) && acknowledged_->turns < 40; usleep(500)) {
      if (acknowledged_->turns == 0) continue;
      try {
        Store::open_writer(path);
      } catch (const Error& error) {
        EXPECT_EQ(error.status(), Exit::storage);
        EXPECT_THAT(error.what(), testing::HasSubstr("process " + std::to_string(child)));
        ++refused;
      }
      const int64_t before = acknowledged_->turns;
      EXPECT_GE(static_cast<int64_t>(Store::open_reader(path).load(kId).attempts.size()), before);
      ++reads;
    }
  };
  EXPECT_TRUE(in_child([&] { go_on(path, spec, [](int64_t) { usleep(2000); }); }, disturb));
  EXPECT_GT(refused, 0);
  EXPECT_GT(reads, 0);
  expect_same(Store::open_reader(path).load(kId), expected, "at the end");
}

}  // namespace
}  // namespace ra
