// The rules of the CPU's named kernel sets, asked without a device.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "kernels/cpu/blas.h"
#include "kernels/kernel_choice.h"
#include "tests/support/set_launches.h"

namespace ra {
namespace {

TEST(KernelSets, InvariantHasOneSumOrderForEveryNumberOfRowsKeysAndThreads) {
  const KernelSet set = find_kernel_set("cpu", "invariant");
  for (Role role : kAllRoles) EXPECT_EQ(sum_orders(set, role).size(), 1u) << role_name(role);
  EXPECT_EQ(set.sum_order_class, "cpu-fma512/1");
}

TEST(KernelSets, InvariantNormWidthFollowsFromTheSizeAlone) {
  const KernelSet set = find_kernel_set("cpu", "invariant");
  const auto lanes = [&](int n) {
    const KernelChoice choice = set.choose({.role = Role::ffn_norm, .rows = 7, .n = n});
    EXPECT_EQ(choice.algorithm, Algorithm::lanes);
    return choice.lanes;
  };
  EXPECT_EQ(lanes(64), 256);
  EXPECT_EQ(lanes(2048), 256);
  EXPECT_EQ(lanes(2049), 1024);
  EXPECT_EQ(lanes(8192), 1024);
}

TEST(KernelSets, ReferenceHasOneSumOrder) {
  const KernelSet set = find_kernel_set("cpu", "reference");
  for (Role role : kAllRoles) EXPECT_EQ(sum_orders(set, role).size(), 1u) << role_name(role);
  EXPECT_EQ(set.storage, Storage::fp32);
}

// If this fails, the audit has nothing to find.
TEST(KernelSets, StandardDependsOnTheRowsOfEveryLaunchThatSums) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  for (Role role : kAllRoles) {
    const bool sums = role != Role::embed && role != Role::swiglu && role != Role::qk_norm_rope;
    EXPECT_EQ(sum_orders(set, role).size() > 1, sums) << role_name(role);
  }
  for (Role role : kProducts) {
    EXPECT_NE(set.choose(launch(role, 2)).sum_order(), set.choose(launch(role, 3)).sum_order());
    EXPECT_EQ(set.choose(launch(role, 1)).algorithm, Algorithm::blas_gemv);
    EXPECT_EQ(set.choose(launch(role, 2)).algorithm, Algorithm::blas_gemm);
  }
}

TEST(KernelSets, StandardNormNarrowsAt256Rows) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  EXPECT_EQ(set.choose(launch(Role::ffn_norm, 255)).lanes, 1024);
  EXPECT_EQ(set.choose(launch(Role::ffn_norm, 256)).lanes, 256);
  EXPECT_EQ(set.choose(launch(Role::qk_norm_rope, 255)).lanes, 256);
  EXPECT_EQ(set.choose({.role = Role::qk_norm_rope, .rows = 4, .n = 0}).algorithm, Algorithm::rowwise);
}

TEST(KernelSets, StandardSplitsKeysForOneRowWithALongContext) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  const auto shares = [&](int rows, int keys, int threads) {
    const KernelChoice choice = set.choose(launch(Role::attention, rows, keys, threads));
    EXPECT_EQ(choice.algorithm, Algorithm::splits);
    return std::pair(choice.splits, choice.split_keys);
  };
  EXPECT_EQ(shares(1, 256, 2), std::pair(1, 0));
  EXPECT_EQ(shares(1, 257, 2), std::pair(2, 256));  // 512 after padding to 256
  EXPECT_EQ(shares(1, 600, 2), std::pair(2, 384));
  EXPECT_EQ(shares(1, 600, 5), std::pair(5, 154));
  EXPECT_EQ(shares(1, 600, 1), std::pair(1, 0));
  EXPECT_EQ(shares(2, 600, 2), std::pair(1, 0));
  EXPECT_EQ(shares(1, 512, 64), std::pair(64, 8));
}

TEST(KernelSets, AProductOfTheLibraryNamesEverythingThatMayDecideItsBits) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  const KernelChoice choice = set.choose(launch(Role::down, 5));
  for (const char* part : {"openblas ", "sgemm", "m=5", "n=576", "k=1536", "2 threads"}) {
    EXPECT_THAT(choice.sum_order(), testing::HasSubstr(part));
  }
  EXPECT_THAT(choice.sum_order(), testing::HasSubstr(blas_environment().at("blas_core")));
  EXPECT_THAT(set.choose(launch(Role::down, 1, 1, 1)).sum_order(),
              testing::HasSubstr("1 thread: sgemv m=1 "));
}

TEST(KernelSets, TextsDifferExactlyWhereChoicesDiffer) {
  std::map<std::string, std::tuple<Algorithm, int, int, int, std::string, int, int, int>> known;
  std::set<std::tuple<Algorithm, int, int, int, std::string, int, int, int>> choices;
  for (const std::string& name : kernel_set_names("cpu")) {
    const KernelSet set = find_kernel_set("cpu", name);
    for (Role role : kAllRoles) {
      for (int rows : {1, 2, 16, 255, 256, 1024}) {
        for (int keys : {1, 513, 2000}) {
          for (int threads : {1, 2, 7}) {
            const KernelChoice c = set.choose(launch(role, rows, keys, threads));
            const auto fields =
                std::tuple(c.algorithm, c.lanes, c.split_keys, c.splits, c.library, c.n, c.k, c.rows);
            const auto [at, added] = known.try_emplace(c.text(), fields);
            EXPECT_EQ(at->second, fields) << c.text();
            choices.insert(fields);
          }
        }
      }
    }
  }
  EXPECT_EQ(known.size(), choices.size());
  EXPECT_GT(known.size(), 50u);
}

TEST(KernelSets, AnUnknownNameIsAUsageErrorThatNamesTheKnownOnes) {
  try {
    find_kernel_set("cpu:avx2", "fastest");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::usage);
    for (const char* part : {"fastest", "standard", "invariant", "reference"}) {
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  }
  EXPECT_THROW(find_kernel_set("cpuid", "standard"), Error);
}

TEST(KernelSets, EveryTargetOfTheCpuHasTheSameSets) {
  EXPECT_EQ(kernel_set_names("cpu:avx2"), kernel_set_names("cpu"));
  EXPECT_EQ(find_kernel_set("cpu:avx2", "invariant").choose(launch(Role::o, 3)).text(),
            find_kernel_set("cpu", "invariant").choose(launch(Role::o, 900)).text());
}

}  // namespace
}  // namespace ra
