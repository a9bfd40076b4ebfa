// Which kernel computes a product: by the choice's algorithm, the shape and the rows. Of `invariant` all have the same bits,
// so time alone decides; of `standard` the library's heuristic does.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/cuda/blas_lt.h"
#include "kernels/cuda/product_certifier.h"
#include "kernels/cuda/product_timings.h"
#include "kernels/cuda/products.h"
#include "kernels/kernel_choice.h"

namespace ra::cuda {

// A product of the model, and where its operands lie.
struct ProductSite {
  Role role = Role::qkv;
  int n = 0;
  int k = 0;
  bool fp32_out = false;
  // [n, k] each, of all layers: timings rotate among them, so that each is read from memory as a step reads it.
  const std::vector<const uint16_t*>& weights;
  uint16_t* x = nullptr;  // with room for the rows of any plan, as y has
  void* y = nullptr;
};

struct ProductPlan {
  enum class Kernel : uint8_t { decode, plain, library } kernel = Kernel::plain;
  int padded_to = 0;  // rows launched whatever the step's; 0: the step's own
  LtCandidate candidate;
  std::string text;  // for the ledger
};

class ProductPlans {
 public:
  explicit ProductPlans(const Launch& launch) : launch_(launch), certifier_(launch) {}

  // The plan for a choice that its rule made. Times and certifies candidates the first time, over random rows in the site's x
  // and y; never in a captured step. Error(device) naming the operation if nothing computes it.
  const ProductPlan& plan(const KernelChoice& choice, int rows, const ProductSite& site);
  // Of `rows` rows, with weights `w` [n, k].
  void run(const ProductPlan& plan, int rows, const ProductSite& site, const uint16_t* w) {
    run(plan, rows, site, w, site.x, site.y);
  }

  const std::string& library_version() const { return lt_.version(); }
  // What was measured, here or by an earlier process; it decides among kernels that show equal bits, and no more.
  ProductTimings& timings() { return timings_; }
  const ProductTimings& timings() const { return timings_; }

 private:
  using Timed = std::vector<std::pair<float, ProductPlan>>;  // milliseconds

  ProductPlan flat_plan(int rows, const ProductSite& site);
  ProductPlan heuristic_plan(int rows, const ProductSite& site);
  std::vector<ProductPlan> library_plans(int rows, const ProductSite& site);
  std::vector<ProductPlan> by_time(std::vector<ProductPlan> plans, int rows, const ProductSite& site);
  float run_time(const ProductPlan& plan, int rows, const ProductSite& site, int runs);
  void run(const ProductPlan& plan, int rows, const ProductSite& site, const uint16_t* w, const uint16_t* x,
           void* y);

  Launch launch_;
  BlasLt lt_;
  ProductCertifier certifier_;
  ProductTimings timings_;
  Event begin_{true}, end_{true};
  size_t turn_ = 0;                                                     // among a site's weights
  std::map<std::tuple<bool, int, int, int, bool>, ProductPlan> plans_;  // (flat, rows, n, k, fp32)
  std::map<std::tuple<int, int, bool>, ProductPlan> peers_;  // (n, k, fp32): what the library's answer to
};

// `invariant` has one plan for a range of rows: the last of the range that `rows` is in.
int planned_rows(int rows);

}  // namespace ra::cuda
