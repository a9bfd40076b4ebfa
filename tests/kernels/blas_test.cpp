// OpenBLAS: the check at start-up, and that its products do depend on the number of rows.
#include "kernels/cpu/blas.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <set>

#include "kernels/cpu/blas_check.h"
#include "kernels/ops.h"

namespace ra {
namespace {

ModelShape smollm2() {
  ModelShape shape;
  shape.hidden = 576, shape.heads = 9, shape.kv_heads = 3, shape.head_dim = 64, shape.ffn = 1536,
  shape.vocab = 49152;
  return shape;
}

// A right product, slow and simple.
void plain(int rows, int n, int k, const float* x, const float* w, float* y) {
  for (int r = 0; r < rows; ++r) {
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int i = 0; i < k; ++i) sum += x[r * k + i] * w[j * k + i];
      y[r * n + j] = sum;
    }
  }
}

// The right product, then `spoil`.
Product spoiled(std::function<void(int rows, int n, int k, const float* x, const float* w, float* y)> spoil) {
  return [spoil](int rows, int n, int k, const float* x, const float* w, float* y) {
    plain(rows, n, k, x, w, y);
    spoil(rows, n, k, x, w, y);
  };
}

const std::vector<ProductShape> kSmall = {{97, 64}, {40, 130}};

TEST(BlasCheck, PassesARightProduct) {
  EXPECT_EQ(product_fault(plain, kSmall), "");
}

TEST(BlasCheck, FindsOneWrongOutputOfOneRowCount) {
  const Product wrong = spoiled([](int rows, int n, int, const float*, const float*, float* y) {
    if (rows == 17) y[11 * n + 5] += 1;
  });
  EXPECT_THAT(product_fault(wrong, kSmall),
              testing::HasSubstr("product of 17 rows, n=97, k=64: output [11, 5]"));
}

TEST(BlasCheck, FindsOneMissingTerm) {
  const Product wrong = spoiled([](int rows, int n, int k, const float* x, const float* w, float* y) {
    if (rows == 3) y[2 * n + n - 1] -= x[2 * k + k - 1] * w[(n - 1) * k + k - 1];
  });
  EXPECT_THAT(product_fault(wrong, {{40, 130}}), testing::HasSubstr("output [2, 39]"));
}

TEST(BlasCheck, FindsTwoOutputsExchanged) {
  const Product wrong = spoiled([](int rows, int n, int, const float*, const float*, float* y) {
    if (rows == 8) std::swap(y[7 * n + 3], y[7 * n + 4]);
  });
  EXPECT_NE(product_fault(wrong, kSmall), "");
}

TEST(BlasCheck, FindsOutputsLeftAlone) {
  const Product wrong = [](int rows, int n, int k, const float* x, const float* w, float* y) {
    const float kept = y[n - 1];
    plain(rows, n, k, x, w, y);
    y[n - 1] = kept;
  };
  EXPECT_THAT(product_fault(wrong, kSmall), testing::HasSubstr("output [0, 96] is nan"));
}

TEST(BlasCheck, FindsAWriteBehindTheOutput) {
  const Product wrong = spoiled([](int rows, int n, int, const float*, const float*, float* y) {
    if (rows == 2) y[rows * n] = 0;
  });
  EXPECT_THAT(product_fault(wrong, kSmall), testing::HasSubstr("output [2, 0]"));
}

// Integers cannot show it: bf16 holds them exactly.
TEST(BlasCheck, FindsInputsRoundedToFewerBits) {
  const Product wrong = [](int rows, int n, int k, const float* x, const float* w, float* y) {
    std::vector<float> rounded(x, x + static_cast<size_t>(rows) * k);
    for (float& value : rounded) {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      bits &= 0xFFFF0000u;
      std::memcpy(&value, &bits, 4);
    }
    plain(rows, n, k, rounded.data(), w, y);
  };
  EXPECT_NE(product_fault(wrong, kSmall), "");
}

TEST(BlasCheck, PassesOpenBlasAtTheSampleModelsShapes) {
  EXPECT_EQ(blas_fault(smollm2(), 2), "");
}

// Half a second at the 40 GFLOP/s that small products reach on two cores.
TEST(BlasCheck, CostsLessThanHalfASecondOfProducts) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  int64_t products = 0;
  const Product counted = [&](int rows, int n, int k, const float* x, const float* w, float* y) {
    products += static_cast<int64_t>(rows) * n * k;
    blas_product(set.choose({.role = Role::o, .rows = rows, .n = n, .k = k, .threads = 2}), rows, n, k, x, w,
                 y);
  };
  EXPECT_EQ(product_fault(counted, {{960, 576}, {576, 576}, {3072, 576}, {576, 1536}, {49152, 576}}), "");
  EXPECT_LT(products, 10'000'000'000);
}

// The core is chosen once a process, so each is tried in a process of its own.
TEST(BlasCheck, PassesWithTheCoreChosenByTheLibraryAndByTheEnvironment) {
  for (const char* setting : {"env -u OPENBLAS_CORETYPE ", "env OPENBLAS_CORETYPE=Haswell "}) {
    const std::string command =
        std::string(setting) + std::filesystem::read_symlink("/proc/self/exe").string() +
        " --gtest_filter=BlasCheck.PassesOpenBlasAtTheSampleModelsShapes:Blas.EnvironmentSaysTheCore:"
        "Blas.ARowsBitsDependOnTheNumberOfRows >/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
}

TEST(Blas, EnvironmentSaysTheCore) {
  const auto facts = blas_environment();
  const char* core_type = std::getenv("OPENBLAS_CORETYPE");
  EXPECT_EQ(facts.at("OPENBLAS_CORETYPE"), core_type ? core_type : "not set");
  EXPECT_THAT(facts.at("blas"), testing::HasSubstr("OpenBLAS"));
  if (core_type) {
    EXPECT_STRCASEEQ(facts.at("blas_core").c_str(), core_type);
  }
  EXPECT_EQ(blas_library().rfind("openblas ", 0), 0u);
  EXPECT_GE(blas_max_threads(), 2);
}

float bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u;
  std::memcpy(&value, &bits, 4);
  return value;
}

// The control of the whole audit at the level of one product: if this fails, the audit has nothing to find.
TEST(Blas, ARowsBitsDependOnTheNumberOfRows) {
  const KernelSet set = find_kernel_set("cpu", "standard");
  set_blas_threads(2);
  const ProductShape shapes[] = {{960, 576}, {576, 576}, {3072, 576}, {576, 1536}};
  constexpr int kMostRows = 64;
  std::mt19937 engine(7);
  for (const auto [n, k] : shapes) {
    std::vector<float> x(static_cast<size_t>(kMostRows) * k), w(static_cast<size_t>(n) * k);
    const auto next = [&engine] {
      return bf16(static_cast<float>(static_cast<int32_t>(engine())) * 0x1p-31f);
    };
    for (float& value : x) value = next();
    for (float& value : w) value = next();
    std::set<std::vector<float>> rows_seen;
    for (int rows : {1, 2, 4, 16, 32, kMostRows}) {
      std::vector<float> y(static_cast<size_t>(rows) * n);
      const KernelChoice choice = set.choose({.role = Role::o, .rows = rows, .n = n, .k = k, .threads = 2});
      blas_product(choice, rows, n, k, x.data(), w.data(), y.data());
      rows_seen.insert({y.begin(), y.begin() + n});
    }
    EXPECT_GE(rows_seen.size(), 2u) << n << "x" << k;
  }
}

}  // namespace
}  // namespace ra
