// What is promised is tested by breaking it: killed processes, failing disks, lost power. Whatever happens, nothing that
// was acknowledged is lost, and the resumed audit equals one that was never interrupted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "reports/report.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

constexpr const char* kId = "same";

Script script() {
  Script parts;
  parts.run_token = {{1, 2}, {3, 1}};
  parts.failing_trials = {4};
  parts.choices = [](int32_t rows) {
    return ChoiceSetRecord{{"qkv", std::to_string(rows), std::to_string(rows / 2)}};
  };
  return parts;
}

// About thirty turns, so that every operation of a whole audit can fail in its own test.
PlanSpec small_spec() {
  PlanSpec spec = scripted_spec();
  spec.runs = 6;
  spec.max_tokens = 4;
  spec.batch_sizes = {1, 2, 3};
  spec.probe_contexts = {1, 64};
  spec.probe_steps = 2;
  return spec;
}

// What a killed process leaves behind for its parent.
struct Acknowledged {
  std::atomic<int64_t> turns;
};

class Crash : public testing::Test {
 protected:
  Crash() {
    void* memory =
        mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    acknowledged_ = new (memory) Acknowledged{};
  }
  ~Crash() override { munmap(acknowledged_, sizeof(Acknowledged)); }

  // Begins the audit in `path`, or goes on with it.
  RunEnd go_on(const std::string& path, const PlanSpec& spec,
               const std::function<void(int64_t)>& before_trial = {},
               const std::function<void(int64_t)>& after_turn = {}) {
    Store store = Store::open_writer(path);
    ScriptedAudit scripted = scripted_audit(spec, script());
    scripted.audit.id = kId;
    if (store.list().empty()) {
      store.create(scripted.audit);
    } else {
      store.add_segment(kId, scripted.audit.tool);
      scripted.audit = store.load(kId);
    }
    for (const auto& subject : scripted.subjects) subject->before_trial = before_trial;
    RunnerOptions options = scripted_options();
    options.on_progress = [&](const ProgressEvent& event) {
      acknowledged_->turns = event.turns_done;
      if (after_turn) after_turn(event.turns_done);
    };
    return run_audit(scripted.audit, scripted.arms(), store, options);
  }

  // Runs it in another process; true if that ended by itself and well.
  static bool in_child(const std::function<void()>& action,
                       const std::function<void(pid_t)>& meanwhile = {}) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        action();
      } catch (const std::exception& error) {
        fprintf(stderr, "child: %s\n", error.what());
        _exit(1);
      }
      _exit(0);
    }
    if (meanwhile) meanwhile(child);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
  }

  static bool runs(pid_t child) {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
  }

  // The JSON report says nothing else either, but for when and in how many segments.
  static void expect_same(Audit found, const Audit& expected, const std::string& when) {
    EXPECT_EQ(difference(found, expected), "") << when;
    found.created = expected.created;
    found.segments = expected.segments;
    EXPECT_EQ(json_report(found, analyze(found)), json_report(expected, analyze(expected))) << when;
  }

  Audit uninterrupted(const PlanSpec& spec) {
    const std::string path = folder_ / "uninterrupted.db";
    go_on(path, spec);
    acknowledged_->turns = 0;
    return Store::open_reader(path).load(kId);
  }

  // Nothing acknowledged is lost, nothing half done is there.
  void expect_kept(const std::string& path, const std::string& when) {
    if (!std::filesystem::exists(path)) {
      EXPECT_EQ(acknowledged_->turns, 0) << when;
      return;
    }
    const Store store = Store::open_reader(path);
    EXPECT_THAT(store.verify(), testing::IsEmpty()) << when;
    const std::vector<AuditSummary> audits = store.list();
    if (audits.empty()) {
      EXPECT_EQ(acknowledged_->turns, 0) << when;
    } else {
      EXPECT_GE(audits[0].turns_done, acknowledged_->turns) << when;
      EXPECT_LE(audits[0].turns_done, acknowledged_->turns + 1) << when;
    }
  }

  void expect_completed(const std::string& path, const PlanSpec& spec, const Audit& expected,
                        const std::string& when) {
    EXPECT_EQ(go_on(path, spec), RunEnd::complete) << when;
    acknowledged_->turns = 0;
    expect_same(Store::open_reader(path).load(kId), expected, when);
  }

  void remove_database(const std::string& path) {
    for (const char* end : {"", "-journal", ".lock", ".creating", ".creating-journal"}) {
      std::filesystem::remove(path + end);
    }
    acknowledged_->turns = 0;
  }

  // How many operations change the disk while a whole audit is made.
  int64_t operations_of_an_audit(FaultyDisk& disk, const PlanSpec& spec) {
    const std::string path = folder_ / "counted.db";
    disk.arm(Fault::none, 0);
    go_on(path, spec);
    acknowledged_->turns = 0;
    return disk.operations();
  }

  // At every `stride`-th operation of a small audit; odd strides meet every kind of fault.
  void kill_at_operations(int64_t stride);
  void fail_at_operations(int64_t stride);
  void lose_power_at_operations(int64_t stride);

  TemporaryFolder folder_;
  Acknowledged* acknowledged_ = nullptr;
};

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

void Crash::kill_at_operations(int64_t stride) {
  const PlanSpec spec = small_spec();
  const Audit expected = uninterrupted(spec);
  FaultyDisk disk;
  const int64_t operations = operations_of_an_audit(disk, spec);
  ASSERT_GT(operations, 100);
  const std::string path = folder_ / "audits.db";
  const std::string copy = folder_ / "copy.db";
  int64_t hot_journals = 0;
  for (int64_t k = 0; k < operations; k += stride) {
    const std::string when = "killed before operation " + std::to_string(k);
    remove_database(path);
    EXPECT_FALSE(in_child([&] {
      disk.arm(k % 2 == 0 ? Fault::kill : Fault::kill_mid_write, k);
      go_on(path, spec);
    })) << when;
    disk.arm(Fault::none, 0);
    if (std::filesystem::exists(path)) {
      // A copy without its journal is found out, or is what it was before or after the commit.
      hot_journals += std::filesystem::exists(path + "-journal");
      std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
      try {
        const Store store = Store::open_reader(copy);
        if (!store.list().empty()) {
          const Audit found = store.load(kId);
          for (size_t i = 0; i < found.attempts.size(); ++i) {
            EXPECT_EQ(found.attempts[i].trial, expected.attempts[i].trial) << when;
          }
          for (size_t i = 0; i < found.sequences.size(); ++i) {
            EXPECT_EQ(found.sequences[i].chain, expected.sequences[i].chain) << when;
          }
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.status(), Exit::bad_input) << when << error.what();
      }
    }
    expect_kept(path, when);
    expect_completed(path, spec, expected, when);
  }
  EXPECT_GT(hot_journals, 10);
}

void Crash::fail_at_operations(int64_t stride) {
  const PlanSpec spec = small_spec();
  const Audit expected = uninterrupted(spec);
  FaultyDisk disk;
  const int64_t operations = operations_of_an_audit(disk, spec);
  const std::string path = folder_ / "audits.db";
  int64_t failed = 0;
  const Fault faults[] = {Fault::io_error, Fault::full, Fault::short_write, Fault::dead};
  for (int64_t k = 0; k < operations; k += stride) {
    const Fault fault = faults[k % 4];
    const std::string when = "fault " + std::to_string(k % 4) + " at operation " + std::to_string(k);
    remove_database(path);
    disk.arm(fault, k);
    try {
      go_on(path, spec);
    } catch (const Error& error) {
      ++failed;
      EXPECT_EQ(error.status(), Exit::storage) << when << ": " << error.what();
    }
    EXPECT_TRUE(disk.struck()) << when;
    disk.arm(Fault::none, 0);
    expect_kept(path, when);
    if (k % 5 == 0) expect_completed(path, spec, expected, when);
  }
  EXPECT_GT(failed, operations / stride * 3 / 4);
}

void Crash::lose_power_at_operations(int64_t stride) {
  const PlanSpec spec = small_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  const std::string begun = folder_ / "begun.db";
  Store::open_writer(begun);
  FaultyDisk disk;
  const int64_t operations = operations_of_an_audit(disk, spec);
  for (int64_t k = 0; k < operations - 40; k += stride) {
    const std::string when = "power lost before operation " + std::to_string(k);
    remove_database(path);
    std::filesystem::copy_file(begun, path);
    EXPECT_FALSE(in_child([&] {
      disk.survive(static_cast<uint64_t>(k % 4));
      disk.arm(Fault::power_loss, k);
      go_on(path, spec);
    })) << when;
    expect_kept(path, when);
    if (k % 5 == 0) expect_completed(path, spec, expected, when);
  }
}

TEST_F(Crash, KilledAtAnyOperationOnTheDiskItLosesNothing) {
  kill_at_operations(23);
}
TEST_F(Crash, OnAFailingDiskTheTrialIsRolledBackAndTheAuditResumable) {
  fail_at_operations(17);
}
TEST_F(Crash, AfterALossOfPowerEverythingAcknowledgedIsThere) {
  lose_power_at_operations(23);
}

using CrashLong = Crash;
TEST_F(CrashLong, KilledAtEveryOperationOnTheDiskItLosesNothing) {
  kill_at_operations(1);
}
TEST_F(CrashLong, OnEveryFailureOfTheDiskTheTrialIsRolledBack) {
  fail_at_operations(1);
}
TEST_F(CrashLong, AfterEveryLossOfPowerEverythingAcknowledgedIsThere) {
  lose_power_at_operations(1);
}

// The control: on a disk that does not sync, the same loss of power must lose something, or the test above shows nothing.
TEST_F(Crash, WithoutSyncsALossOfPowerDoesLoseWhatWasAcknowledged) {
  const PlanSpec spec = small_spec();
  const std::string path = folder_ / "audits.db";
  Store::open_writer(path);
  FaultyDisk disk;
  const int64_t operations = operations_of_an_audit(disk, spec);
  EXPECT_FALSE(in_child([&] {
    disk.ignore_syncs();
    disk.arm(Fault::power_loss, operations / 2);
    go_on(path, spec);
  }));
  EXPECT_GT(acknowledged_->turns, 3);
  EXPECT_TRUE(Store::open_reader(path).list().empty());
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
