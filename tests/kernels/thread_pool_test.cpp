#include "kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <cfenv>
#include <chrono>
#include <stdexcept>
#include <string>

namespace ra {
namespace {

TEST(ThreadPool, EveryThreadRunsEveryRegionOnce) {
  constexpr int kThreads = 4, kRegions = 2000;
  ThreadPool pool(kThreads);
  std::array<int, kThreads> runs{};
  int finished = 0;
  for (int region = 0; region < kRegions; ++region) {
    pool.run([&](int thread) { ++runs[thread]; });
    for (const int count : runs) finished += count == region + 1;
  }
  EXPECT_EQ(finished, kThreads * kRegions) << "run() returned before a thread had";
}

TEST(ThreadPool, ThreadsThatFellAsleepWakeUp) {
  ThreadPool pool(3);
  for (int region = 0; region < 3; ++region) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> runs = 0;
    pool.run([&](int) { ++runs; });
    EXPECT_EQ(runs, 3);
  }
}

TEST(ThreadPool, AnExceptionOfAnyThreadReachesTheCallerAndThePoolGoesOn) {
  ThreadPool pool(3);
  for (int failing = 0; failing < 3; ++failing) {
    try {
      pool.run([&](int thread) {
        if (thread == failing) throw std::runtime_error(std::to_string(thread));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), std::to_string(failing));
    }
    std::atomic<int> runs = 0;
    pool.run([&](int) { ++runs; });
    EXPECT_EQ(runs, 3);
  }
}

TEST(ThreadPool, SharesCoverEverythingOnceAndEvenly) {
  for (const int threads : {1, 2, 3, 7, 64}) {
    for (const int count : {0, 1, 2, 6, 63, 64, 1000, 2147483647}) {
      int end = 0;
      for (int thread = 0; thread < threads; ++thread) {
        const Range range = share(count, thread, threads);
        ASSERT_EQ(range.begin, end);
        end = range.end;
        const int size = range.end - range.begin;
        ASSERT_TRUE(size == count / threads || size == count / threads + 1);
      }
      ASSERT_EQ(end, count);
    }
  }
}

// A thread inherits the environment of the one that made it.
TEST(ThreadPool, ThreadsRoundToNearestWhateverTheirMakerDid) {
  std::fesetround(FE_UPWARD);
  ThreadPool pool(3);
  std::fesetround(FE_TONEAREST);
  std::array<int, 3> modes{};
  pool.run([&](int thread) { modes[thread] = std::fegetround(); });
  for (const int mode : modes) EXPECT_EQ(mode, FE_TONEAREST);
}

TEST(ThreadPool, TheCallersFloatEnvironmentIsRestored) {
  std::fesetround(FE_DOWNWARD);
  {
    const DefaultFloatEnvironment environment;
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  }
  EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
  std::fesetround(FE_TONEAREST);
}

}  // namespace
}  // namespace ra
