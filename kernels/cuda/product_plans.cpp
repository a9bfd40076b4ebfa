#include "kernels/cuda/product_plans.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/product_check.h"

namespace ra::cuda {
namespace {

constexpr int kMostCandidates = 16;
constexpr int kTimings = 3;
constexpr int kRunsATiming = 4;  // one after the other, as a step's products come
constexpr int kLooks = 2;        // at each, before the timings: the faster counts
constexpr int kRunsALook = 2;
constexpr float kClearlySlow = 1.1f;  // at the looks: not timed
constexpr size_t kMostRemembered = 4;

std::string shape_text(int rows, const ProductSite& site) {
  return std::string(role_name(site.role)) + ", " + std::to_string(rows) + " x " + std::to_string(site.n) +
         " x " + std::to_string(site.k);
}

// From some rows on the card's power holds a whole step's products back, not a kernel's best time. gate_up's are the largest
// part, so its kernels are compared in that state: for 5 ms a timing, of which a round has several.
int runs_a_timing(const TimedProduct& product, float milliseconds) {
  constexpr int kHeatingRows = 128;  // at 256 the best two are within 1%, and short timings chose either
  constexpr int kMostRuns = 16;
  if (product.output != TimedProduct::Output::swiglu || product.m <= kHeatingRows) return kRunsATiming;
  return std::clamp(static_cast<int>(5.0f / milliseconds), kRunsATiming, kMostRuns);
}

// Both ends of the range of rows that ends with `last`, or its only number.
std::vector<int> ends_of_range(int last) {
  int first = last;
  while (first > 1 && planned_rows(first - 1) == last) --first;
  return first == last ? std::vector{last} : std::vector{first, last};
}

TimedProduct timed_product(int rows, const ProductSite& site) {
  using Output = TimedProduct::Output;
  return {rows, site.n, site.k,
          site.activations != nullptr ? Output::swiglu
          : site.fp32_out             ? Output::fp32
                                      : Output::bf16};
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

std::vector<int> gate_up_tile_rows(int rows) {
  std::vector<int> worth;
  for (const int tile_rows : kGateUpTileRows) {
    if (tile_rows / 2 < rows || tile_rows == kGateUpTileRows[0]) worth.push_back(tile_rows);
  }
  const auto tiles = [rows](int tile_rows) { return (rows + tile_rows - 1) / tile_rows; };
  std::stable_sort(worth.begin(), worth.end(), [&](int one, int other) { return tiles(one) < tiles(other); });
  return worth;
}

std::vector<size_t> fastest_first(const std::vector<float>& times, int rows) {
  const bool power_decides = rows > 256 && rows <= 1024;
  const float equal = power_decides ? 0.95f : 0.98f;
  std::vector<size_t> order(times.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const float least = times.empty() ? 0 : *std::min_element(times.begin(), times.end());
  const auto rest =
      std::stable_partition(order.begin(), order.end(), [&](size_t i) { return times[i] * equal <= least; });
  std::stable_sort(rest, order.end(), [&](size_t one, size_t other) { return times[one] < times[other]; });
  return order;
}

const ProductPlan& ProductPlans::plan(const KernelChoice& choice, int rows, const ProductSite& site) {
  const bool flat = choice.algorithm == Algorithm::k16_steps;
  check(flat || choice.algorithm == Algorithm::lt_heuristic, "a product of this device");
  const int planned = flat ? planned_rows(rows) : choice.rows;
  const std::tuple key{flat, timed_product(planned, site)};
  const auto known = plans_.find(key);
  if (known != plans_.end()) return known->second;
  ProductPlan made = !flat                         ? heuristic_plan(planned, site)
                     : site.activations != nullptr ? swiglu_plan(choice, planned, site)
                                                   : flat_plan(planned, site);
  return plans_.emplace(key, std::move(made)).first->second;
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

bool ProductPlans::equals_steps(const ProductPlan& plan, int rows, const ProductSite& site) {
  const auto run_rows = [&](const uint16_t* x, void* y) { run(plan, rows, site, site.weights[0], x, y); };
  return certifier_.equals_steps(run_rows, rows, site.n, site.k, site.fp32_out, site.weights[0], site.x,
                                 site.y);
}

bool ProductPlans::equals_peer(const ProductPlan& plan, int planned, const ProductSite& site) {
  const ProductPlan& other = peer(site);
  const auto runner = [&](const ProductPlan& which, int rows) {
    return [&, rows](const uint16_t* x, void* y) { run(which, rows, site, site.weights[0], x, y); };
  };
  for (const int end : ends_of_range(planned)) {
    if (!certifier_.equals_peer(runner(plan, end), runner(other, kSampleRows), end, site.width(), site.k,
                                site.fp32_out, site.x, site.outputs()))
      return false;
  }
  return true;
}

// One of our own products for kSampleRows rows, which has answered to the processor's steps.
const ProductPlan& ProductPlans::peer(const ProductSite& site) {
  const std::tuple key{site.n, site.k, site.fp32_out};
  const auto known = peers_.find(key);
  if (known != peers_.end()) return known->second;
  ProductPlan made{ProductPlan::Kernel::decode, 0, {}, ""};
  // The plain one answers for itself in flat_plan.
  if (!decode_product_fits(kSampleRows, site.n, site.k) ||
      !equals_steps(made, kSampleRows, site.without_swiglu()))
    made.kernel = ProductPlan::Kernel::plain;
  return peers_.emplace(key, std::move(made)).first->second;
}

// The fastest kernel of the class that shows its bits at both ends of its range of rows. Our own ones answer to the
// processor's steps, the library's to ours.
ProductPlan ProductPlans::flat_plan(int rows, const ProductSite& site) {
  const auto answers = [&](const ProductPlan& plan) {
    const std::vector<int> ends = ends_of_range(rows);
    return std::all_of(ends.begin(), ends.end(), [&](int end) { return equals_steps(plan, end, site); });
  };
  if (decode_product_fits(rows, site.n, site.k)) {
    ProductPlan plan{ProductPlan::Kernel::decode, 0, {}, "own decode kernel, 16 outputs a warp"};
    if (answers(plan)) return plan;
  }
  for (const ProductPlan& plan : library_plans(rows, site)) {
    if (equals_peer(plan, rows, site)) return plan;
  }
  ProductPlan plain{ProductPlan::Kernel::plain, 0, {}, "own plain kernel"};
  if (answers(plain)) return plain;
  throw Error(Exit::device,
              "certification failed: no kernel of this device gives the bits of hopper-k16/1 for the product "
              "of " +
                  shape_text(rows, site) + "; expected ascending k16 steps");
}

// The product with SwiGLU in one launch if that is faster than one after the other, and shows the same bits.
ProductPlan ProductPlans::swiglu_plan(const KernelChoice& choice, int rows, const ProductSite& site) {
  std::vector<ProductPlan> plans = {plan(choice, rows, site.without_swiglu())};
  if (!gate_up_swiglu_fits(site.n, site.k)) return plans[0];
  for (const int tile_rows : gate_up_tile_rows(rows)) {
    plans.push_back({ProductPlan::Kernel::with_swiglu,
                     0,
                     {},
                     "own kernel with SwiGLU, " + std::to_string(tile_rows) + " rows a tile",
                     tile_rows});
  }
  // The product alone is among them, and has been certified.
  plans = by_time(std::move(plans), rows, site);
  return *std::find_if(plans.begin(), plans.end(), [&](const ProductPlan& fastest) {
    return fastest.kernel != ProductPlan::Kernel::with_swiglu || equals_peer(fastest, rows, site);
  });
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

// Fastest first, by what is remembered or by timing them.
std::vector<ProductPlan> ProductPlans::by_time(std::vector<ProductPlan> plans, int rows,
                                               const ProductSite& site) {
  const TimedProduct product = timed_product(rows, site);
  if (const std::vector<std::string>* known = timings_.find(product)) {
    const auto place = [&](const ProductPlan& plan) {
      return std::find(known->begin(), known->end(), plan.text) - known->begin();
    };
    std::stable_sort(plans.begin(), plans.end(),
                     [&](const ProductPlan& a, const ProductPlan& b) { return place(a) < place(b); });
    return plans;
  }
  if (plans.empty()) return plans;
  const std::vector<float> times = compare_times(plans, rows, site);
  std::vector<ProductPlan> ordered;
  std::vector<std::string> remembered;
  for (const size_t i : fastest_first(times, rows)) {
    if (remembered.size() < kMostRemembered) remembered.push_back(plans[i].text);
    ordered.push_back(std::move(plans[i]));
  }
  timings_.add(product, std::move(remembered));
  return ordered;
}

// Milliseconds a run of each, at least one. All by turns, so that what ran just before did the same to the card's clock for
// all. What is clearly slower at the looks has an estimate from them.
std::vector<float> ProductPlans::compare_times(const std::vector<ProductPlan>& plans, int rows,
                                               const ProductSite& site) {
  fill_random(launch_, site.x, rows, site.k, 1, false);                 // zeros would be multiplied faster
  for (const ProductPlan& plan : plans) run_time(plan, rows, site, 1);  // warms up
  std::vector<float> looks(plans.size(), std::numeric_limits<float>::max());
  for (int look = 0; look < kLooks; ++look) {
    for (size_t i = 0; i < plans.size(); ++i)
      looks[i] = std::min(looks[i], run_time(plans[i], rows, site, kRunsALook));
  }
  const float fastest_look = *std::min_element(looks.begin(), looks.end());
  const int runs = runs_a_timing(timed_product(rows, site), fastest_look);
  std::vector<std::vector<float>> timings(plans.size());
  for (int turn = 0; turn < kTimings; ++turn) {
    for (size_t i = 0; i < plans.size(); ++i) {
      if (looks[i] <= kClearlySlow * fastest_look) timings[i].push_back(run_time(plans[i], rows, site, runs));
    }
  }
  std::vector<float> times(plans.size());
  float least = std::numeric_limits<float>::max();
  for (size_t i = 0; i < plans.size(); ++i) {
    if (timings[i].empty()) continue;
    std::nth_element(timings[i].begin(), timings[i].begin() + kTimings / 2, timings[i].end());
    times[i] = timings[i][kTimings / 2];
    least = std::min(least, times[i]);
  }
  for (size_t i = 0; i < plans.size(); ++i) {
    if (timings[i].empty()) times[i] = looks[i] / fastest_look * least;
  }
  return times;
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
  const bool is_activated = site.activations != nullptr;
  void* outputs = is_activated && plan.kernel != ProductPlan::Kernel::with_swiglu ? site.y : y;
  Product product{w, x, nullptr, nullptr, launched, site.n, site.k};
  if (site.fp32_out) {
    product.sums = static_cast<float*>(outputs);
  } else {
    product.y = static_cast<uint16_t*>(outputs);
  }
  switch (plan.kernel) {
    case ProductPlan::Kernel::with_swiglu:
      check(is_activated, "a site with activations");
      return gate_up_swiglu(launch_, product, plan.tile_rows);
    case ProductPlan::Kernel::decode:
      decode_product(launch_, product);
      break;
    case ProductPlan::Kernel::plain:
      plain_product(launch_, product);
      break;
    case ProductPlan::Kernel::library:
      lt_.run({launched, site.n, site.k, site.fp32_out}, plan.candidate, w, x, outputs, launch_.stream);
      break;
  }
  if (is_activated) swiglu(launch_, launched, product.y, site.n / 2, static_cast<uint16_t*>(y));
}

}  // namespace ra::cuda
