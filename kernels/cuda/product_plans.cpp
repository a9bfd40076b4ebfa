#include "kernels/cuda/product_plans.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/cuda/product_check.h"

namespace ra::cuda {
namespace {

constexpr int kMostCandidates = 16;
constexpr int kTimings = 3;
constexpr int kRunsATiming = 4;      // one after the other, as a step's products come
constexpr float kClearGain = 0.98f;  // less is noise: the heuristic's order stands

// By time, but those about as fast as the fastest as the heuristic offers them.
void prefer_earlier(std::vector<std::pair<float, ProductPlan>>& plans) {
  if (plans.empty()) return;
  const auto faster = [](const auto& one, const auto& other) { return one.first < other.first; };
  const float least = std::min_element(plans.begin(), plans.end(), faster)->first;
  const auto rest = std::stable_partition(plans.begin(), plans.end(),
                                          [&](const auto& plan) { return plan.first * kClearGain <= least; });
  std::stable_sort(rest, plans.end(), faster);
}

// Few rows are also tried with more: for some shapes the heuristic offers nothing fast of the class but for 64 rows.
std::vector<int> padded_rows(int rows) {
  std::vector<int> tried = {rows};
  if (rows < kTriedRows) tried.push_back(kTriedRows);
  return tried;
}

}  // namespace

int planned_rows(int rows) {
  if (rows <= kDecodeRows) return rows;
  const int step = rows <= 32 ? 8 : rows <= 64 ? 16 : rows <= 128 ? 32 : rows <= 1024 ? 64 : 512;
  return (rows + step - 1) / step * step;
}

const ProductPlan& ProductPlans::plan(const KernelChoice& choice, int rows, int n, int k, bool fp32_out,
                                      const Weights& weights, uint16_t* x, void* y) {
  const bool flat = choice.algorithm == Algorithm::k16_steps;
  check(flat || choice.algorithm == Algorithm::lt_heuristic, "a product of this device");
  const int planned = flat ? planned_rows(rows) : choice.rows;
  const auto [entry, added] = plans_.try_emplace({flat, planned, n, k, fp32_out});
  if (added) {
    try {
      entry->second =
          flat ? flat_plan(planned, n, k, fp32_out, weights, x, y) : heuristic_plan(planned, n, k, fp32_out);
    } catch (...) {
      plans_.erase(entry);
      throw;
    }
  }
  return entry->second;
}

ProductPlan ProductPlans::heuristic_plan(int rows, int n, int k, bool fp32_out) {
  const LtShape shape{rows, n, k, fp32_out};
  std::vector<LtCandidate> candidates = lt_.candidates(shape, true, 1);
  if (candidates.empty()) {
    throw Error(Exit::device, "cuBLASLt " + lt_.version() + ": offers nothing for a product of " +
                                  std::to_string(rows) + " x " + std::to_string(n) + " x " +
                                  std::to_string(k) + "; expected a first heuristic");
  }
  return {ProductPlan::Kernel::library, rows, candidates[0], candidates[0].text()};
}

// The fastest kernel of the class that shows its bits. Our own ones answer to the processor's steps, the library's to ours.
ProductPlan ProductPlans::flat_plan(int rows, int n, int k, bool fp32_out, const Weights& weights,
                                    uint16_t* x, void* y) {
  const auto runner = [&](const ProductPlan& plan) {
    return [&, plan](const uint16_t* inputs, void* outputs) {
      run(plan, n, k, fp32_out, weights[0], inputs, outputs);
    };
  };
  const ProductPlan plain{ProductPlan::Kernel::plain, rows, {}, "own plain kernel"};
  if (decode_product_fits(rows, n, k)) {
    const ProductPlan plan{ProductPlan::Kernel::decode, rows, {}, "own decode kernel, 16 outputs a warp"};
    if (certifier_.equals_steps(runner(plan), rows, n, k, fp32_out, weights[0], x, y)) return plan;
  }
  // What the library was measured for; it needs 16-byte rows, and drops the end of k in some kernels otherwise.
  if (k % 64 == 0 && n % 8 == 0) {
    std::vector<std::pair<float, ProductPlan>> plans;
    fill_random(launch_, x, std::max(rows, kTriedRows), k, 1, false);  // zeros would be multiplied faster
    for (const int launched : padded_rows(rows)) {
      for (const LtCandidate& candidate :
           lt_.candidates({launched, n, k, fp32_out}, false, kMostCandidates)) {
        if (!candidate.is_flat()) continue;
        const ProductPlan plan{ProductPlan::Kernel::library, launched, candidate,
                               "cuBLASLt " + lt_.version() + " " + candidate.text()};
        plans.emplace_back(median_time(plan, n, k, fp32_out, weights, x, y), plan);
      }
    }
    prefer_earlier(plans);
    ProductPlan peer{ProductPlan::Kernel::decode, kSampleRows, {}, ""};
    if (!certifier_.equals_steps(runner(peer), kSampleRows, n, k, fp32_out, weights[0], x, y))
      peer.kernel = ProductPlan::Kernel::plain;  // which answers for itself below
    for (const auto& [time, plan] : plans) {
      if (certifier_.equals_peer(runner(plan), runner(peer), plan.rows, n, k, fp32_out, x, y)) return plan;
    }
  }
  if (certifier_.equals_steps(runner(plain), rows, n, k, fp32_out, weights[0], x, y)) return plain;
  throw Error(
      Exit::device,
      "certification failed: no kernel of this device gives the bits of hopper-k16/1 for a product of " +
          std::to_string(rows) + " x " + std::to_string(n) + " x " + std::to_string(k) +
          "; expected ascending k16 steps");
}

float ProductPlans::median_time(const ProductPlan& plan, int n, int k, bool fp32_out, const Weights& weights,
                                const uint16_t* x, void* y) {
  std::vector<float> times;
  const Event begin(true), end(true);
  size_t turn = 0;
  for (int i = 0; i <= kTimings; ++i) {  // the first one warms up
    begin.record(launch_.stream);
    for (int r = 0; r < kRunsATiming; ++r) run(plan, n, k, fp32_out, weights[turn++ % weights.size()], x, y);
    end.record(launch_.stream);
    end.wait();
    if (i > 0) times.push_back(end.since(begin) / kRunsATiming);
  }
  std::nth_element(times.begin(), times.begin() + kTimings / 2, times.end());
  return times[kTimings / 2];
}

void ProductPlans::run(const ProductPlan& plan, int n, int k, bool fp32_out, const uint16_t* w,
                       const uint16_t* x, void* y) {
  Product product{w, x, nullptr, nullptr, plan.rows, n, k};
  if (fp32_out) {
    product.sums = static_cast<float*>(y);
  } else {
    product.y = static_cast<uint16_t*>(y);
  }
  switch (plan.kernel) {
    case ProductPlan::Kernel::decode:
      return decode_product(launch_, product);
    case ProductPlan::Kernel::plain:
      return plain_product(launch_, product);
    case ProductPlan::Kernel::library:
      return lt_.run({plan.rows, n, k, fp32_out}, plan.candidate, w, x, y, launch_.stream);
  }
}

}  // namespace ra::cuda
