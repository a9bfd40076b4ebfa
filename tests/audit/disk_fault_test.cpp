// An audit on a disk that fails, is killed in the middle of an operation, or loses power: every operation, once each.
#include "core/error.h"
#include "tests/support/crash_fixture.h"
#include "tests/support/faulty_disk.h"

namespace ra {
namespace {

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

class DiskFault : public CrashFixture {
 protected:
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
};

void DiskFault::kill_at_operations(int64_t stride) {
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

void DiskFault::fail_at_operations(int64_t stride) {
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

void DiskFault::lose_power_at_operations(int64_t stride) {
  const PlanSpec spec = small_spec();
  const Audit expected = uninterrupted(spec);
  const std::string path = folder_ / "audits.db";
  const std::string begun = folder_ / "begun.db";
  FaultyDisk disk;
  disk.arm(Fault::none, 0);
  Store::open_writer(begun);
  const int64_t creation = disk.operations();
  const int64_t operations = operations_of_an_audit(disk, spec) - creation;
  for (int64_t k = 0; k < operations; k += stride) {
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

TEST_F(DiskFault, KilledAtAnyOperationOnTheDiskItLosesNothing) {
  kill_at_operations(23);
}
TEST_F(DiskFault, OnAFailingDiskTheTrialIsRolledBackAndTheAuditResumable) {
  fail_at_operations(17);
}
TEST_F(DiskFault, AfterALossOfPowerEverythingAcknowledgedIsThere) {
  lose_power_at_operations(23);
}

using DiskFaultLong = DiskFault;
TEST_F(DiskFaultLong, KilledAtEveryOperationOnTheDiskItLosesNothing) {
  kill_at_operations(1);
}
TEST_F(DiskFaultLong, OnEveryFailureOfTheDiskTheTrialIsRolledBack) {
  fail_at_operations(1);
}
TEST_F(DiskFaultLong, AfterEveryLossOfPowerEverythingAcknowledgedIsThere) {
  lose_power_at_operations(1);
}

// The control: on a disk that does not sync, the same loss of power must lose something, or the test above shows nothing.
TEST_F(DiskFault, WithoutSyncsALossOfPowerDoesLoseWhatWasAcknowledged) {
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

}  // namespace
}  // namespace ra
