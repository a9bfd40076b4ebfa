// A GPU's calls that fail, one after the other, and timings that lie: no result but the right one ever comes back.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <sstream>
#include <vector>

#include "core/error.h"
#include "kernels/cuda/check.h"
#include "tests/support/golden.h"
#include "tests/support/gpu.h"
#include "tests/support/loaded_model.h"

namespace ra {
namespace {

using testing::HasSubstr;

const std::atomic<bool> kNeverStop{false};

class GpuFaults : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<std::string> gpu = first_gpu();
    if (!gpu) GTEST_SKIP() << "no GPU that the kernels run on: no call of one can fail";
    device_ = *gpu;
  }
  void TearDown() override { cuda::fail_cuda_call(-1, cudaSuccess); }

  std::unique_ptr<LoadedModel> load() const {
    auto model = std::make_unique<LoadedModel>(golden_path("qwen3-bf16"),
                                               std::vector<std::string>{"invariant", "standard"}, device_);
    model->reserve({.rows = 64, .logit_rows = 8, .slots = 8, .pages = 16});
    return model;
  }
  static TrialResult run(LoadedModel& model, size_t set) {
    const std::vector<std::vector<int32_t>> texts{{5, 6, 7, 8, 9}, {1, 2, 3}};
    Trial trial{.sequences = {planned_run(texts, 0, 5), planned_run(texts, 1, 5)}};
    trial.sequences[1].preemptions = {{.after = 2, .pause = 1}};
    return model.engine(set).run(trial, texts, kNeverStop);
  }
  static std::vector<StepRecord> steps(const TrialResult& result) {
    std::vector<StepRecord> all;
    for (const SequenceResult& sequence : result.sequences)
      all.insert(all.end(), sequence.steps.begin(), sequence.steps.end());
    return all;
  }

  std::string device_;
};

TEST_F(GpuFaults, AnyCallOfATrialThatFailsIsItsFailureAndTheNextOneHasItsBits) {
  const std::unique_ptr<LoadedModel> model = load();
  const std::vector<StepRecord> right = steps(run(*model, 0));
  ASSERT_EQ(right.size(), 10u);
  for (const cudaError_t status : {cudaErrorMemoryAllocation, cudaErrorInvalidValue}) {
    int64_t calls = 0;
    for (;; ++calls) {
      SCOPED_TRACE(fmt::format("call {} with {}", calls, cudaGetErrorName(status)));
      cuda::fail_cuda_call(calls, status);
      const TrialResult result = run(*model, 0);
      if (cuda::fail_cuda_call(-1, cudaSuccess) >= 0) {  // the trial has no more calls
        EXPECT_FALSE(result.failed);
        break;
      }
      ASSERT_TRUE(result.failed);
      if (status == cudaErrorMemoryAllocation) {
        EXPECT_EQ(result.failure, "out of memory");
      } else {
        EXPECT_THAT(result.failure, HasSubstr("cudaErrorInvalidValue"));
      }
      const TrialResult next = run(*model, 0);
      ASSERT_FALSE(next.failed) << next.failure;
      ASSERT_EQ(steps(next), right);
    }
    EXPECT_GT(calls, 100);
  }
}

TEST_F(GpuFaults, ALostDeviceEndsTheAuditResumable) {
  for (const cudaError_t status :
       {cudaErrorECCUncorrectable, cudaErrorIllegalAddress, cudaErrorLaunchTimeout}) {
    const std::unique_ptr<LoadedModel> model = load();
    const std::vector<StepRecord> right = steps(run(*model, 0));
    for (const int64_t calls : {0, 7, 60}) {
      cuda::fail_cuda_call(calls, status);
      try {
        run(*model, 0);
        ADD_FAILURE() << "call " << calls << " failed, and nothing said so";
      } catch (const Error& error) {
        EXPECT_EQ(error.status(), Exit::incomplete) << error.what();
        EXPECT_THAT(error.what(), HasSubstr(cudaGetErrorName(status)));
      }
    }
  }
}

TEST_F(GpuFaults, AnyCallThatFailsWhileAModelIsLoadedOrCertifiedIsAnErrorOfTheDevice) {
  int64_t calls = 0;
  for (int64_t stride = 1;; calls += stride, stride += calls / 64) {
    SCOPED_TRACE(fmt::format("call {}", calls));
    const cudaError_t status = calls % 2 == 0 ? cudaErrorMemoryAllocation : cudaErrorInvalidValue;
    cuda::fail_cuda_call(calls, status);
    bool refused = false;
    try {
      const std::unique_ptr<LoadedModel> model = load();
      for (const KernelSet& set : model->sets) model->ops->prepare(set);
    } catch (const std::bad_alloc&) {
      refused = true;
      EXPECT_EQ(status, cudaErrorMemoryAllocation);
    } catch (const Error& error) {
      refused = true;
      EXPECT_EQ(error.status(), Exit::device) << error.what();
    }
    const bool fired = cuda::fail_cuda_call(-1, cudaSuccess) < 0;
    EXPECT_EQ(refused, fired);
    if (!fired) break;
  }
  EXPECT_GT(calls, 100);
}

std::string reversed_kernels(const std::string& timings) {
  std::istringstream lines(timings);
  std::string text, line;
  while (std::getline(lines, line)) {
    const size_t colon = line.find(": ");
    std::vector<std::string> kernels;
    for (size_t from = colon + 2; colon != std::string::npos && from < line.size();) {
      const size_t to = std::min(line.find("; ", from), line.size());
      kernels.push_back(line.substr(from, to - from));
      from = to + 2;
    }
    if (kernels.empty()) {
      text += line + "\n";
      continue;
    }
    text += fmt::format("{}: {}\n", line.substr(0, colon), fmt::join(kernels.rbegin(), kernels.rend(), "; "));
  }
  return text;
}

TEST_F(GpuFaults, TimingsOfAnEarlierProcessAreTakenAndDecideNoBits) {
  const std::unique_ptr<LoadedModel> first = load();
  first->ops->prepare(first->sets[0]);
  const std::string timings = first->ops->timings();
  EXPECT_GT(std::ranges::count(timings, '\n'), 5) << timings;
  const std::vector<StepRecord> right = steps(run(*first, 0));

  const std::unique_ptr<LoadedModel> second = load();
  second->ops->take_timings(timings);
  second->ops->prepare(second->sets[0]);
  EXPECT_EQ(second->ops->timings(), timings) << "nothing was timed again";
  EXPECT_EQ(steps(run(*second, 0)), right);

  const std::unique_ptr<LoadedModel> misled = load();
  const std::string lies = reversed_kernels(timings);
  EXPECT_NE(lies, timings);
  misled->ops->take_timings(lies);
  misled->ops->prepare(misled->sets[0]);
  EXPECT_EQ(misled->ops->timings(), lies) << "they were taken";
  EXPECT_EQ(steps(run(*misled, 0)), right);
}

}  // namespace
}  // namespace ra
