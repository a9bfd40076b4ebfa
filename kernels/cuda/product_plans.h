// Which kernel computes a product: by the choice's algorithm, the shape and the rows. Of `invariant` all have the same bits,
// so time alone decides; of `standard` the library's heuristic does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "kernels/cuda/blas_lt.h"
#include "kernels/cuda/product_certifier.h"
#include "kernels/cuda/products.h"
#include "kernels/kernel_choice.h"

namespace ra::cuda {

struct ProductPlan {
  enum class Kernel : uint8_t { decode, plain, library } kernel = Kernel::plain;
  int rows = 0;  // launched; those beyond the step's are padding
  LtCandidate candidate;
  std::string text;  // for the ledger
};

class ProductPlans {
 public:
  explicit ProductPlans(const Launch& launch) : launch_(launch), certifier_(launch) {}

  // The weights of the shape's products, [n, k], one after the other: timings rotate among them, so that each is read from
  // memory as a step reads it.
  using Weights = std::vector<const uint16_t*>;

  // The plan for a choice that its rule made. Times and certifies candidates the first time, over random rows in `x` and `y`,
  // which have room for the plan's rows; never in a captured step. Error(device) if nothing computes the shape.
  const ProductPlan& plan(const KernelChoice& choice, int rows, int n, int k, bool fp32_out,
                          const Weights& weights, uint16_t* x, void* y);
  void run(const ProductPlan& plan, int n, int k, bool fp32_out, const uint16_t* w, const uint16_t* x,
           void* y);

  const std::string& library_version() const { return lt_.version(); }

 private:
  ProductPlan flat_plan(int rows, int n, int k, bool fp32_out, const Weights& weights, uint16_t* x, void* y);
  ProductPlan heuristic_plan(int rows, int n, int k, bool fp32_out);
  float median_time(const ProductPlan& plan, int n, int k, bool fp32_out, const Weights& weights,
                    const uint16_t* x, void* y);

  Launch launch_;
  BlasLt lt_;
  ProductCertifier certifier_;
  std::map<std::tuple<bool, int, int, int, bool>, ProductPlan> plans_;  // (flat, rows, n, k, fp32)
};

// The rows at which `invariant` plans products of more than kDecodeRows rows: each plan serves up to so many.
int planned_rows(int rows);
// Rows that any plan may launch for fewer.
constexpr int kTriedRows = 64;

}  // namespace ra::cuda
