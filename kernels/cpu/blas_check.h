// Whether a matrix product is right: OpenBLAS picks its kernels by processor, and on some processors one of
// them is wrong.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ra {

struct ProductShape {
  int n = 0;  // outputs a row
  int k = 0;  // inputs a row
};

// y[r,n] = sum over k of x[r,k] w[n,k]; x [rows, k], w [n, k], y [rows, n].
using Product = std::function<void(int rows, int n, int k, const float* x, const float* w, float* y)>;

// Empty if `product` is right at every shape for all row counts tried (1 to 257); else one sentence with the
// first wrong output. Two kinds of data:
//   small odd integers, whose sums fp32 holds exactly in every order: every output must be exact, which a
//   projection of each row shows (sum over n of s_n y[r,n] = sum over k of x[r,k] (sum over n of s_n w[n,k]),
//   s_n random); fp32 numbers over many binades: sampled outputs must lie within the bound that holds for
//   every order of k additions, fused or not: |error| <= g / (1 - g) * sum of |x w|, g = k 2^-24 (Higham,
//   Accuracy and Stability, 3.1).
// Shapes above 2^25 weights are checked with fewer outputs.
std::string product_fault(const Product& product, const std::vector<ProductShape>& shapes);

}  // namespace ra
