#include "kernels/cpu/blas_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string_view>

#include "kernels/cpu/blas.h"
#include "kernels/ops.h"

namespace ra {
namespace {

constexpr int kRowCounts[] = {1, 2, 3, 4, 6, 8, 12, 13, 16, 17, 24, 32, 33, 48, 64, 100, 257};
constexpr int kMostRows = 257;
constexpr int64_t kMostWeights = int64_t{1} << 25;
constexpr int64_t kMostProducts = int64_t{1} << 30;         // of one call with integers
constexpr int64_t kMostRoundedProducts = int64_t{1} << 27;  // of one call with other numbers
constexpr int kSampledColumns = 48;
constexpr float kNotWritten = std::numeric_limits<float>::quiet_NaN();

// Counter-based numbers (SplitMix64), so that a fault is found again.
uint64_t draw(uint64_t counter) {
  uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

// 1, 3, 5 or 7 with a sign: no product is zero, and k products sum to less than 2^24 up to k = 342,392.
float draw_integer(uint64_t counter) {
  const uint64_t bits = draw(counter);
  const float size = static_cast<float>(1 + 2 * (bits & 3));
  return bits & 4 ? size : -size;
}

// A full fp32 significand in [2^-8, 2^8) with a sign: neighbours differ by up to 16 binades and cancel.
float draw_number(uint64_t counter) {
  const uint64_t bits = draw(counter);
  const float significand = static_cast<float>(0x800000u | (bits & 0x7FFFFFu));
  const float size = std::ldexp(significand, static_cast<int>((bits >> 24) & 15) - 8 - 23);
  return bits >> 63 ? size : -size;
}

// Rows of a matrix, cut at different places from one block of drawn numbers, which is much faster than
// drawing each.
std::vector<float> draw_matrix(int rows, int k, uint64_t stream, float (*number)(uint64_t)) {
  constexpr int kPlaces = 16381;
  std::vector<float> block(static_cast<size_t>(kPlaces) + k);
  for (size_t i = 0; i < block.size(); ++i) block[i] = number((stream << 32) + i);
  std::vector<float> matrix(static_cast<size_t>(rows) * k);
  for (int r = 0; r < rows; ++r) {
    const auto first = block.begin() + static_cast<int64_t>(r) * 4093 % kPlaces;
    std::copy(first, first + k, matrix.begin() + static_cast<int64_t>(r) * k);
  }
  return matrix;
}

// Sum of a[i] b[i] in eight partial sums. Exact for integers below 2^53; else within k 2^-52 of the sum of |a
// b|.
double dot(const float* a, const double* b, int count) {
  std::array<double, 8> sum{};
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; ++j) sum[j] += static_cast<double>(a[i + j]) * b[i + j];
  }
  for (; i < count; ++i) sum[0] += static_cast<double>(a[i]) * b[i];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

struct ExactSum {
  double sum = 0;
  double magnitude = 0;  // sum of |x w|
};
ExactSum exact_sum(const float* x, const float* w, int k) {
  ExactSum result;
  for (int i = 0; i < k; ++i) {
    const double product = static_cast<double>(x[i]) * w[i];
    result.sum += product;
    result.magnitude += std::abs(product);
  }
  return result;
}

std::string describe(int rows, ProductShape shape, int row, int column, float found, double expected) {
  return "product of " + std::to_string(rows) + (rows == 1 ? " row" : " rows") +
         ", n=" + std::to_string(shape.n) + ", k=" + std::to_string(shape.k) + ": output [" +
         std::to_string(row) + ", " + std::to_string(column) + "] is " + std::to_string(found) +
         "; expected " + std::to_string(expected);
}

// One call of the product into y, which a row of guards follows. Empty unless it wrote behind y.
std::string call(const Product& product, int rows, ProductShape shape, const std::vector<float>& x,
                 const std::vector<float>& w, std::vector<float>& y) {
  const size_t outputs = static_cast<size_t>(rows) * shape.n;
  y.assign(outputs + shape.n, kNotWritten);
  product(rows, shape.n, shape.k, x.data(), w.data(), y.data());
  for (size_t i = outputs; i < y.size(); ++i) {
    if (!std::isnan(y[i]))
      return describe(rows, shape, rows, static_cast<int>(i - outputs), y[i], kNotWritten);
  }
  return "";
}

std::string integer_fault(const Product& product, ProductShape shape) {
  const int n = shape.n, k = shape.k;
  const std::vector<float> x = draw_matrix(kMostRows, k, 1, draw_integer);
  const std::vector<float> w = draw_matrix(n, k, 2, draw_integer);
  std::vector<double> sign(n), projected(k, 0.0);
  for (int j = 0; j < n; ++j) {
    sign[j] =
        static_cast<double>(draw((uint64_t{3} << 32) + j) % 2048) - 1023.5;  // halves: exact, never zero
    const float* row = w.data() + static_cast<size_t>(j) * k;
    for (int i = 0; i < k; ++i) projected[i] += sign[j] * row[i];
  }
  std::vector<float> y;
  for (int rows : kRowCounts) {
    if (rows > 1 && static_cast<int64_t>(rows) * n * k > kMostProducts) break;
    if (std::string fault = call(product, rows, shape, x, w, y); !fault.empty()) return fault;
    for (int r = 0; r < rows; ++r) {
      const float* xr = x.data() + static_cast<size_t>(r) * k;
      const float* yr = y.data() + static_cast<size_t>(r) * n;
      if (dot(yr, sign.data(), n) == dot(xr, projected.data(), k)) continue;
      for (int j = 0; j < n; ++j) {
        const double expected = exact_sum(xr, w.data() + static_cast<size_t>(j) * k, k).sum;
        if (yr[j] != expected) return describe(rows, shape, r, j, yr[j], expected);
      }
    }
  }
  return "";
}

std::string rounding_fault(const Product& product, ProductShape shape) {
  const int n = shape.n, k = shape.k;
  const std::vector<float> x = draw_matrix(kMostRows, k, 4, draw_number);
  const std::vector<float> w = draw_matrix(n, k, 5, draw_number);
  const double g = k * 0x1p-24;
  const double bound = g / (1 - g) + k * 0x1p-51;
  std::vector<float> y;
  for (int rows : kRowCounts) {
    if (rows > 1 && static_cast<int64_t>(rows) * n * k > kMostRoundedProducts) break;
    if (std::string fault = call(product, rows, shape, x, w, y); !fault.empty()) return fault;
    for (int r : {0, rows / 2, rows - 1}) {
      for (int sample = 0; sample < kSampledColumns; ++sample) {
        const int j = static_cast<int>(static_cast<int64_t>(n - 1) * sample / (kSampledColumns - 1));
        const float found = y[static_cast<size_t>(r) * n + j];
        const ExactSum exact =
            exact_sum(x.data() + static_cast<size_t>(r) * k, w.data() + static_cast<size_t>(j) * k, k);
        // Negated, so that a NaN is a fault.
        if (!(std::abs(found - exact.sum) <= bound * exact.magnitude)) {
          return describe(rows, shape, r, j, found, exact.sum);
        }
      }
    }
  }
  return "";
}

}  // namespace

std::string product_fault(const Product& product, const std::vector<ProductShape>& shapes) {
  for (ProductShape shape : shapes) {
    shape.n = static_cast<int>(std::clamp<int64_t>(kMostWeights / shape.k, 1, shape.n));
    if (std::string fault = integer_fault(product, shape); !fault.empty()) return fault;
    shape.n = static_cast<int>(std::clamp<int64_t>(kMostRoundedProducts / 64 / shape.k, 1, shape.n));
    if (std::string fault = rounding_fault(product, shape); !fault.empty()) return fault;
  }
  return "";
}

std::string blas_fault(const ModelShape& model, int threads) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  if (threads > 0) set_blas_threads(threads);
  const Product product = [&set](int rows, int n, int k, const float* x, const float* w, float* y) {
    blas_product(set.choose({.role = Role::o, .rows = rows, .n = n, .k = k, .threads = 1}), rows, n, k, x, w,
                 y);
  };
  const int attention = model.heads * model.head_dim;
  const std::string fault =
      product_fault(product, {{attention + 2 * model.kv_heads * model.head_dim, model.hidden},
                              {model.hidden, attention},
                              {2 * model.ffn, model.hidden},
                              {model.hidden, model.ffn},
                              {model.vocab, model.hidden}});
  return fault.empty() ? "" : blas_library() + ": " + fault;
}

// The cores of OpenBLAS's driver/others/dynamic.c that have no AVX; for want of a better one it takes Prescott. Measured with
// 0.3.21: against Haswell's kernels, Prescott's take 1.7 times as long for one row, 2.1 to 3.1 times for 16 to 512.
std::string blas_lag() {
  constexpr std::string_view kWithoutAvx[] = {"Prescott",     "Core2",     "Penryn", "Dunnington",
                                              "Nehalem",      "Atom",      "Nano",   "Opteron",
                                              "Opteron_SSE3", "Barcelona", "Bobcat"};
  const std::string core = blas_environment().at("blas_core");
  if (std::find(std::begin(kWithoutAvx), std::end(kWithoutAvx), core) == std::end(kWithoutAvx)) return "";
  return blas_library() + ": kernels for processors without AVX, which take up to three times as long";
}

}  // namespace ra
