#include "kernels/cuda/product_plans.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/error.h"
#include "kernels/cuda/product_check.h"

namespace ra::cuda {
namespace {

constexpr int kMostCandidates = 16;
constexpr int kTimings = 3;
constexpr int kRunsATiming = 4;       // one after the other, as a step's products come
constexpr float kClearlySlow = 1.1f;  // after a first look
constexpr float kClearGain = 0.98f;   // less is noise: the heuristic's order stands
constexpr size_t kMostRemembered = 4;

std::string shape_text(int rows, const ProductSite& site) {
  return std::string(role_name(site.role)) + ", " + std::to_string(rows) + " x " + std::to_string(site.n) +
         " x " + std::to_string(site.k);
}

// The first of the range of rows that ends with `last`.
int first_planned(int last) {
  int first = last;
  while (first > 1 && planned_rows(first - 1) == last) --first;
  return first;
}

// For some shapes the heuristic offers nothing fast of the class for few rows but what it offers for 64.
std::vector<int> offered_rows(int rows) {
  constexpr int kOfferedRows = 64;
  std::vector<int> offered = {rows};
  if (rows < kOfferedRows) offered.push_back(kOfferedRows);
  return offered;
}

}  // namespace

int planned_rows(int rows) {
  if (rows <= kDecodeRows) return rows;
  const int step = rows <= 32 ? 8 : rows <= 64 ? 16 : rows <= 128 ? 32 : rows <= 1024 ? 64 : 512;
  return (rows + step - 1) / step * step;
}

const ProductPlan& ProductPlans::plan(const KernelChoice& choice, int rows, const ProductSite& site) {
  const bool flat = choice.algorithm == Algorithm::k16_steps;
  check(flat || choice.algorithm == Algorithm::lt_heuristic, "a product of this device");
  const int planned = flat ? planned_rows(rows) : choice.rows;
  const std::tuple key{flat, planned, site.n, site.k, site.fp32_out};
  const auto known = plans_.find(key);
  if (known != plans_.end()) return known->second;
  return plans_.emplace(key, flat ? flat_plan(planned, site) : heuristic_plan(planned, site)).first->second;
}

ProductPlan ProductPlans::heuristic_plan(int rows, const ProductSite& site) {
  const std::vector<LtCandidate> candidates = lt_.candidates({rows, site.n, site.k, site.fp32_out}, true, 1);
  if (candidates.empty()) {
    throw Error(Exit::device, "cuBLASLt " + lt_.version() + ": offers nothing for the product of " +
                                  shape_text(rows, site) + "; expected a first heuristic");
  }
  return {ProductPlan::Kernel::library, rows, candidates[0],
          candidates[0].text()};  // padded as the stack does
}

// The fastest kernel of the class that shows its bits at both ends of its range of rows. Our own ones answer to the
// processor's steps, the library's to ours.
ProductPlan ProductPlans::flat_plan(int rows, const ProductSite& site) {
  const auto runner = [&](const ProductPlan& plan, int count) {
    return [&, plan, count](const uint16_t* inputs, void* outputs) {
      run(plan, count, site, site.weights[0], inputs, outputs);
    };
  };
  const auto equals_steps = [&](const ProductPlan& plan, int count) {
    return certifier_.equals_steps(runner(plan, count), count, site.n, site.k, site.fp32_out, site.weights[0],
                                   site.x, site.y);
  };
  const std::set<int> ends = {first_planned(rows), rows};
  if (decode_product_fits(rows, site.n, site.k)) {
    ProductPlan plan{ProductPlan::Kernel::decode, 0, {}, "own decode kernel, 16 outputs a warp"};
    if (std::all_of(ends.begin(), ends.end(), [&](int end) { return equals_steps(plan, end); })) return plan;
  }
  const std::vector<ProductPlan> plans = library_plans(rows, site);
  if (!plans.empty()) {
    const std::tuple key{site.n, site.k, site.fp32_out};
    auto known = peers_.find(key);
    if (known == peers_.end()) {
      ProductPlan made{ProductPlan::Kernel::decode, 0, {}, ""};
      // The plain one answers for itself below.
      if (!equals_steps(made, kSampleRows)) made.kernel = ProductPlan::Kernel::plain;
      known = peers_.emplace(key, std::move(made)).first;
    }
    const ProductPlan& peer = known->second;
    for (const ProductPlan& plan : plans) {
      if (std::all_of(ends.begin(), ends.end(), [&](int end) {
            return certifier_.equals_peer(runner(plan, end), runner(peer, kSampleRows), end, site.n, site.k,
                                          site.fp32_out, site.x, site.y);
          }))
        return plan;
    }
  }
  ProductPlan plain{ProductPlan::Kernel::plain, 0, {}, "own plain kernel"};
  if (std::all_of(ends.begin(), ends.end(), [&](int end) { return equals_steps(plain, end); })) return plain;
  throw Error(Exit::device,
              "certification failed: no kernel of this device gives the bits of hopper-k16/1 for the product "
              "of " +
                  shape_text(rows, site) + "; expected ascending k16 steps");
}

// The library's kernels of the class, in the order in which they are to be tried.
std::vector<ProductPlan> ProductPlans::library_plans(int rows, const ProductSite& site) {
  // What the library was measured for; it needs 16-byte rows, and drops the end of k in some kernels otherwise.
  if (site.k % 64 != 0 || site.n % 8 != 0) return {};
  std::vector<ProductPlan> plans;
  for (const int offered : offered_rows(rows)) {
    for (const LtCandidate& candidate :
         lt_.candidates({offered, site.n, site.k, site.fp32_out}, false, kMostCandidates)) {
      const bool known = std::any_of(plans.begin(), plans.end(), [&](const ProductPlan& plan) {
        return plan.candidate.config == candidate.config;
      });
      if (known || !candidate.is_flat()) continue;
      plans.push_back(
          {ProductPlan::Kernel::library, 0, candidate, "cuBLASLt " + lt_.version() + " " + candidate.text()});
    }
  }
  return by_time(std::move(plans), rows, site);
}

// Those about as fast as the fastest as the heuristic offers them, then the others by time.
std::vector<ProductPlan> ProductPlans::by_time(std::vector<ProductPlan> plans, int rows,
                                               const ProductSite& site) {
  const LtShape shape{rows, site.n, site.k, site.fp32_out};
  if (const std::vector<std::string>* known = timings_.find(shape)) {
    const auto place = [&](const ProductPlan& plan) {
      return std::find(known->begin(), known->end(), plan.candidate.text()) - known->begin();
    };
    std::stable_sort(plans.begin(), plans.end(),
                     [&](const ProductPlan& a, const ProductPlan& b) { return place(a) < place(b); });
    return plans;
  }
  fill_random(launch_, site.x, rows, site.k, 1, false);  // zeros would be multiplied faster
  Timed timed;
  float least = 0;
  for (ProductPlan& plan : plans) {
    run_time(plan, rows, site, 1);  // warms up
    const float time = run_time(plan, rows, site, 2);
    least = timed.empty() ? time : std::min(least, time);
    timed.emplace_back(time, std::move(plan));
  }
  for (auto& [time, plan] : timed) {
    if (time > kClearlySlow * least) continue;
    float times[kTimings];
    for (float& one : times) one = run_time(plan, rows, site, kRunsATiming);
    std::nth_element(times, times + kTimings / 2, times + kTimings);
    time = times[kTimings / 2];
  }
  for (const auto& [time, plan] : timed) least = std::min(least, time);
  const auto rest = std::stable_partition(
      timed.begin(), timed.end(), [&](const auto& entry) { return entry.first * kClearGain <= least; });
  std::stable_sort(rest, timed.end(),
                   [](const auto& one, const auto& other) { return one.first < other.first; });
  plans.clear();
  std::vector<std::string> fastest_first;
  for (auto& [time, plan] : timed) {
    if (fastest_first.size() < kMostRemembered) fastest_first.push_back(plan.candidate.text());
    plans.push_back(std::move(plan));
  }
  timings_.add(shape, std::move(fastest_first));
  return plans;
}

// Milliseconds a run.
float ProductPlans::run_time(const ProductPlan& plan, int rows, const ProductSite& site, int runs) {
  begin_.record(launch_.stream);
  for (int r = 0; r < runs; ++r) run(plan, rows, site, site.weights[turn_++ % site.weights.size()]);
  end_.record(launch_.stream);
  end_.wait();
  return end_.since(begin_) / static_cast<float>(runs);
}

void ProductPlans::run(const ProductPlan& plan, int rows, const ProductSite& site, const uint16_t* w,
                       const uint16_t* x, void* y) {
  const int launched = plan.padded_to > 0 ? plan.padded_to : rows;
  Product product{w, x, nullptr, nullptr, launched, site.n, site.k};
  if (site.fp32_out) {
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
      return lt_.run({launched, site.n, site.k, site.fp32_out}, plan.candidate, w, x, y, launch_.stream);
  }
}

}  // namespace ra::cuda
