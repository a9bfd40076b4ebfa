// Which kernel computes a product: by the choice's algorithm, the shape and the rows. Of `invariant` all have the same bits,
// so time alone decides; of `standard` the library's heuristic does.
#pragma once

#include <map>
#include <string>
#include <tuple>
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
  // [rows, n / 2], where the product of gate_up goes on to SwiGLU: then it is what the site gives, and y is between.
  uint16_t* activations = nullptr;

  // What the site gives: so many values a row, and where.
  int width() const { return activations != nullptr ? n / 2 : n; }
  void* outputs() const { return activations != nullptr ? activations : y; }
  ProductSite without_swiglu() const {
    ProductSite alone = *this;
    alone.activations = nullptr;
    return alone;
  }
};

struct ProductPlan {
  enum class Kernel : uint8_t { decode, plain, library, with_swiglu } kernel = Kernel::plain;
  int padded_to = 0;  // rows launched whatever the step's; 0: the step's own
  LtCandidate candidate;
  std::string text;   // for the ledger
  int tile_rows = 0;  // with SwiGLU
};

class ProductPlans {
 public:
  explicit ProductPlans(const Launch& launch) : launch_(launch), certifier_(launch) {}

  // The plan for a choice that its rule made. Times and certifies candidates the first time, over random rows in the site's x
  // and y; never in a captured step. Error(device) naming the operation if nothing computes it. At a site with activations
  // it is the product's own plan, unless one launch of both is faster.
  const ProductPlan& plan(const KernelChoice& choice, int rows, const ProductSite& site);
  // Of `rows` rows, with weights `w` [n, k]; at a site with activations SwiGLU too, whatever the plan.
  void run(const ProductPlan& plan, int rows, const ProductSite& site, const uint16_t* w) {
    run(plan, rows, site, w, site.x, site.outputs());
  }

  const std::string& library_version() const { return lt_.version(); }
  // What was measured, here or by an earlier process; it decides among kernels that show equal bits, and no more.
  ProductTimings& timings() { return timings_; }
  const ProductTimings& timings() const { return timings_; }

 private:
  ProductPlan flat_plan(int rows, const ProductSite& site);
  ProductPlan swiglu_plan(const KernelChoice& choice, int rows, const ProductSite& site);
  ProductPlan heuristic_plan(int rows, const ProductSite& site);
  const ProductPlan& peer(const ProductSite& site);
  bool equals_steps(const ProductPlan& plan, int rows, const ProductSite& site);
  // At both ends of the range of rows that ends with `planned`.
  bool equals_peer(const ProductPlan& plan, int planned, const ProductSite& site);
  std::vector<ProductPlan> library_plans(int rows, const ProductSite& site);
  std::vector<ProductPlan> by_time(std::vector<ProductPlan> plans, int rows, const ProductSite& site);
  std::vector<float> compare_times(const std::vector<ProductPlan>& plans, int rows, const ProductSite& site);
  float run_time(const ProductPlan& plan, int rows, const ProductSite& site, int runs);
  void run(const ProductPlan& plan, int rows, const ProductSite& site, const uint16_t* w, const uint16_t* x,
           void* y);

  Launch launch_;
  BlasLt lt_;
  ProductCertifier certifier_;
  ProductTimings timings_;
  Event begin_{true}, end_{true};
  size_t turn_ = 0;                                              // among a site's weights
  std::map<std::tuple<bool, TimedProduct>, ProductPlan> plans_;  // (flat, product)
  std::map<std::tuple<int, int, bool>, ProductPlan> peers_;      // (n, k, fp32): what the library's answer to
};

// `invariant` has one plan for a range of rows: the last of the range that `rows` is in.
int planned_rows(int rows);

// The rows a tile that gate_up's own kernel is timed with for so many rows, those of the fewest tiles first: of two about as
// fast alone the first is taken, since each tile reads the weights again, which costs more within a step than alone.
std::vector<int> gate_up_tile_rows(int rows);

// The order in which kernels are to be tried that took so long for `rows` rows: those about as fast as the fastest as they
// come, since less than 2% is noise, then the others by time. From 257 to 1024 rows, where the card's power decides and rows
// may be sequences of one prompt, it is 5%: a kernel 4% faster over random rows made steps of 1000 equal ones 7% slower. More
// rows are prefills': they differ.
std::vector<size_t> fastest_first(const std::vector<float>& times, int rows);

}  // namespace ra::cuda
