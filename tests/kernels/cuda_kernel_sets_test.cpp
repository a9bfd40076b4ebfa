// The rules of the GPU's named kernel sets, asked without a GPU.
#include <gtest/gtest.h>

#include "kernels/cuda/kernel_sets.h"
#include "tests/support/set_launches.h"

namespace ra {
namespace {

constexpr int kMultiprocessors = 132;

TEST(CudaKernelSets, InvariantHasOneSumOrderForEveryNumberOfRowsKeysAndMultiprocessors) {
  const KernelSet set = find_kernel_set("cuda:0", "invariant");
  for (Role role : kAllRoles) EXPECT_EQ(sum_orders(set, role).size(), 1u) << role_name(role);
  EXPECT_EQ(set.sum_order_class, "hopper-k16/1");
}

// If this fails, the audit has nothing to find.
TEST(CudaKernelSets, StandardDependsOnTheRowsOfEveryLaunchThatSums) {
  const KernelSet set = find_kernel_set("cuda:0", "standard");
  for (Role role : kAllRoles) {
    const bool sums = role != Role::embed && role != Role::swiglu && role != Role::qk_norm_rope;
    EXPECT_EQ(sum_orders(set, role).size() > 1, sums) << role_name(role);
  }
  EXPECT_EQ(set.sum_order_class, "opaque");
}

TEST(CudaKernelSets, StandardPadsSingleRowsToTheCapturedSizes) {
  EXPECT_EQ(captured_rows(1), 1);
  EXPECT_EQ(captured_rows(2), 2);
  EXPECT_EQ(captured_rows(3), 4);
  EXPECT_EQ(captured_rows(5), 8);
  EXPECT_EQ(captured_rows(249), 256);
  EXPECT_EQ(captured_rows(257), 272);
  EXPECT_EQ(captured_rows(1000), 1008);
  const KernelSet set = find_kernel_set("cuda:0", "standard");
  LaunchShape decode = launch(Role::qkv, 13), prefill = decode;
  prefill.sequences = 2;
  EXPECT_EQ(set.choose(decode).rows, 16);
  EXPECT_EQ(set.choose(prefill).rows, 13) << "a prefill is not captured";
}

TEST(CudaKernelSets, StandardSplitsKeysUntilTheMultiprocessorsAreBusy) {
  constexpr int kMost = 128;
  EXPECT_EQ(flash_splits(106, kMultiprocessors, 64, kMost), 1) << "80% are busy without";
  EXPECT_EQ(flash_splits(8, kMultiprocessors, 1, kMost), 1) << "one block of keys cannot be split";
  EXPECT_EQ(flash_splits(8, kMultiprocessors, 64, kMost), 16) << "8 x 16 of 132 are busy";
  const KernelSet set = find_kernel_set("cuda:0", "standard");
  const auto attention = [&](int sequences, int keys) {
    return set.choose(launch(Role::attention, sequences, keys, kMultiprocessors));
  };
  const KernelChoice few = attention(1, 4097), many = attention(64, 4097);
  EXPECT_GT(few.splits, 1);
  EXPECT_EQ(few.split_keys % 64, 0);
  EXPECT_GE(few.splits * few.split_keys, 4097);
  EXPECT_EQ(many.splits, 1);
  LaunchShape prefill = launch(Role::attention, 100, 100, kMultiprocessors);
  prefill.sequences = 1;
  EXPECT_EQ(set.choose(prefill).splits, 1);
}

}  // namespace
}  // namespace ra
