// The CPU's kernels one by one against the oracle, on every target: sizes that fill no vector, no tile and no chunk.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/fma_matmul.h"
#include "kernels/cpu/head.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/packed_matrix.h"
#include "kernels/cpu/swiglu.h"
#include "kernels/rope_table.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/oracle.h"
#include "tests/support/tiny_model.h"

namespace ra {
namespace {

std::vector<float> noise_values(uint64_t seed, size_t count, float scale) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = oracle::bf16(noise(seed, i) * scale);
  return values;
}

std::vector<Bf16> stored(const std::vector<float>& values) {
  std::vector<Bf16> bits;
  for (const float value : values) bits.push_back(round_bf16(value));
  return bits;
}

std::vector<float> widened(const std::vector<Bf16>& bits) {
  std::vector<float> values;
  for (const Bf16 value : bits) values.push_back(widen(value));
  return values;
}

RowSource rows_of(const std::vector<float>& values, int rows, int columns) {
  return {rows, columns, [&values, columns](int first, int count, float* out) {
            std::copy_n(values.data() + static_cast<size_t>(first) * columns,
                        static_cast<size_t>(count) * columns, out);
          }};
}

class Kernel : public testing::TestWithParam<SimdTarget> {};

TEST_P(Kernel, RowsOfAnyLengthAreWidenedAndRoundedAsTheOracleDoes) {
  for (const size_t n : {1, 7, 8, 16, 31, 100}) {
    std::vector<float> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = noise(3, i) * (i % 3 == 0 ? 0x1p-130f : 1e30f);
    std::vector<Bf16> rounded(n);
    EXPECT_TRUE(round_row(GetParam(), values.data(), nullptr, n, rounded.data())) << n;
    EXPECT_EQ(rounded, stored(values));
    const std::vector<float> bias = noise_values(4, n, 1e30f);
    std::vector<float> sums(n);
    for (size_t i = 0; i < n; ++i) sums[i] = values[i] + bias[i];
    std::vector<Bf16> biased(n);
    EXPECT_TRUE(round_row(GetParam(), values.data(), bias.data(), n, biased.data())) << n;
    EXPECT_EQ(biased, stored(sums));
    std::vector<float> wide(n);
    widen_row(GetParam(), rounded.data(), n, wide.data());
    EXPECT_TRUE(bitwise_equal(wide, widened(rounded), std::to_string(n) + " values"));
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                            std::numeric_limits<float>::max()}) {  // the largest rounds up to infinity
      for (size_t at = 0; at < n; ++at) {
        std::vector<float> with_bad = values;
        with_bad[at] = bad;
        EXPECT_FALSE(round_row(GetParam(), with_bad.data(), nullptr, n, rounded.data())) << n << ", " << at;
        const std::vector<float> none(n, 0.0f);
        EXPECT_FALSE(round_row(GetParam(), none.data(), with_bad.data(), n, rounded.data()))
            << n << ", " << at;
      }
    }
  }
}

TEST_P(Kernel, ProductsOfAnySizeGiveTheOraclesSums) {
  ThreadPool pool(3);
  ProductScratch scratch(3);
  for (const int k : {1, 2, 15, 33, 511, 512, 514, 1040}) {
    for (const int n : {1, 16, 75}) {
      const std::vector<float> w = noise_values(1, static_cast<size_t>(n) * k, 1);
      const PackedMatrix packed = pack(pool, {rows_of(w, n, k)}, n, k, nullptr);
      const oracle::Matrix matrix = oracle::matrix_of(n, k, w);
      std::vector<int> row_counts = {1, 17, 49};
      if (k == 33) {
        for (int rows = 2; rows <= 33; ++rows) row_counts.push_back(rows);
      }
      for (const int rows : row_counts) {
        const std::vector<float> x = noise_values(2, static_cast<size_t>(rows) * k, 2);
        std::vector<float> sums(static_cast<size_t>(rows) * n), expected;
        fma_product(GetParam(), pool, packed, stored(x).data(), rows, {nullptr, sums.data(), nullptr},
                    scratch);
        for (int r = 0; r < rows; ++r) {
          const auto row = oracle::linear_sums(oracle::SumOrder::fma512,
                                               std::span(x).subspan(static_cast<size_t>(r) * k, k), matrix);
          expected.insert(expected.end(), row.begin(), row.end());
        }
        ASSERT_TRUE(bitwise_equal(sums, expected,
                                  "product of " + std::to_string(rows) + " rows, k " + std::to_string(k)));
        std::vector<Bf16> rounded(sums.size());
        std::vector<uint8_t> nonfinite(rows);
        fma_product(GetParam(), pool, packed, stored(x).data(), rows,
                    {rounded.data(), nullptr, nonfinite.data()}, scratch);
        ASSERT_EQ(rounded, stored(expected));
        ASSERT_EQ(nonfinite, std::vector<uint8_t>(rows));
        const std::vector<float> bias = noise_values(7, n, 3);
        for (int i = 0; i < rows * n; ++i) expected[i] = expected[i] + bias[i % n];
        fma_product(GetParam(), pool, packed, stored(x).data(), rows,
                    {rounded.data(), nullptr, nonfinite.data(), bias.data()}, scratch);
        ASSERT_EQ(rounded, stored(expected));
        ASSERT_EQ(nonfinite, std::vector<uint8_t>(rows));
      }
    }
  }
}

TEST_P(Kernel, AProductSaysWhichRowsAreNotFinite) {
  ThreadPool pool(2);
  ProductScratch scratch(2);
  const int n = 20, k = 2;
  const std::vector<float> w(static_cast<size_t>(n) * k, 0x1p100f);
  const PackedMatrix packed = pack(pool, {rows_of(w, n, k)}, n, k, nullptr);
  // Finite, an infinite sum, a NaN, and a sum that is finite but rounds to infinity.
  const std::vector<float> x = {1, 1, 0x1p30f, 0, std::nanf(""), 0, 0x1.ffp27f, 0x1.fep18f};
  std::vector<Bf16> y(4 * n);
  std::vector<uint8_t> nonfinite(4);
  fma_product(GetParam(), pool, packed, stored(x).data(), 4, {y.data(), nullptr, nonfinite.data()}, scratch);
  EXPECT_EQ(nonfinite, (std::vector<uint8_t>{0, 1, 1, 1}));
  EXPECT_TRUE(std::isnan(widen(y[2 * n]))) << "a NaN has to stay one";
  // A bias alone may do it, in one output.
  std::vector<float> bias(n, 0.0f);
  bias[n - 1] = std::numeric_limits<float>::infinity();
  const std::vector<float> ones(static_cast<size_t>(n) * k, 1);
  nonfinite.assign(4, 0);
  fma_product(GetParam(), pool, pack(pool, {rows_of(ones, n, k)}, n, k, nullptr), stored(ones).data(), 2,
              {y.data(), nullptr, nonfinite.data(), bias.data()}, scratch);
  EXPECT_EQ(nonfinite, (std::vector<uint8_t>{1, 1, 0, 0}));
}

TEST_P(Kernel, ABiasIsAddedBeforeTheOneRounding) {
  ThreadPool pool(1);
  ProductScratch scratch(1);
  const auto outputs = [&](const std::vector<float>& w, const std::vector<float>& x, const float* bias) {
    const int k = static_cast<int>(x.size()), n = static_cast<int>(w.size()) / k;
    std::vector<Bf16> y(n);
    fma_product(GetParam(), pool, pack(pool, {rows_of(w, n, k)}, n, k, nullptr), stored(x).data(), 1,
                {y.data(), nullptr, nullptr, bias}, scratch);
    return y;
  };
  // Sums halfway between two bf16 numbers: alone the even one, which is lower, with a quarter of a step the upper one.
  const std::vector<float> bias = {0, 0x1p-9f};
  EXPECT_EQ(outputs({1, 1, 1, 1}, {1, 0x1p-8f}, nullptr), stored({1, 1}));
  EXPECT_EQ(outputs({1, 1, 1, 1}, {1, 0x1p-8f}, bias.data()), stored({1, 1 + 0x1p-7f}));
  // A product that underflows is -0, and stays it where nothing is added.
  EXPECT_EQ(outputs({-0x1p-100f}, {0x1p-100f}, nullptr), stored({-0.0f}));
  EXPECT_EQ(outputs({-0x1p-100f}, {0x1p-100f}, bias.data()), stored({0.0f}));
}

TEST_P(Kernel, NormsOfBothWidthsSumInTheirLanes) {
  for (const int lanes : {256, 1024}) {
    for (const int n : {1, 20, 255, 576, 1000, 1100, 2049}) {
      const std::vector<float> x = noise_values(3, n, 3), weight = noise_values(4, n, 1);
      std::vector<float> sums(lanes), expected(n);
      for (int i = 0; i < n; ++i) sums[i % lanes] = std::fma(x[i], x[i], sums[i % lanes]);
      const float r = 1.0f / std::sqrt(oracle::tree(sums) / static_cast<float>(n) + 1e-5f);
      for (int i = 0; i < n; ++i) expected[i] = oracle::bf16(oracle::bf16(x[i] * r) * weight[i]);
      std::vector<Bf16> y(n);
      ASSERT_TRUE(rms_norm(GetParam(), stored(x).data(), weight.data(), n, lanes, 1e-5f, y.data()));
      ASSERT_TRUE(bitwise_equal(widened(y), expected, "norm of " + std::to_string(n)));
    }
  }
}

TEST_P(Kernel, ANormWhoseSumIsInfiniteSaysSo) {
  std::vector<Bf16> x(40, round_bf16(1));
  x[33] = round_bf16(0x1p80f);
  const std::vector<float> weight(40, 1);
  EXPECT_FALSE(rms_norm(GetParam(), x.data(), weight.data(), 40, 256, 1e-5f, x.data()));
}

// exp2 at 65,280 arguments: every finite gate.
TEST_P(Kernel, SwigluOfEveryGateGivesTheOraclesBits) {
  std::vector<Bf16> gates;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7f80) != 0x7f80) gates.push_back(static_cast<Bf16>(bits));
  }
  gates.push_back(round_bf16(1));  // a count that fills no vector
  const float up = -1.3125f;
  const std::vector<Bf16> ups(gates.size(), round_bf16(up));
  std::vector<Bf16> y(gates.size());
  swiglu(GetParam(), gates.data(), ups.data(), static_cast<int>(gates.size()), y.data());
  std::vector<float> expected;
  for (const Bf16 gate : gates) expected.push_back(oracle::swiglu(widen(gate), up));
  EXPECT_TRUE(bitwise_equal(widened(y), expected, "swiglu of every gate"));
}

// Shares that begin within a page, as `standard` cuts them: the oracle sees each share as a cache of its own.
TEST_P(Kernel, SharesOfKeysMergeAscendingWhereverTheyBegin) {
  constexpr int kKeys = 300, kGroup = 2;
  const KvLayout layout{2, 24};
  const int pages = (kKeys + kPageKeys - 1) / kPageKeys;
  std::vector<Bf16> pages_of_layer(layout.page_size() * pages);
  std::vector<int32_t> table;
  for (int page = 0; page < pages; ++page) table.push_back(pages - 1 - page);
  oracle::KeyValues cache;
  for (int key = 0; key < kKeys; ++key) {
    cache.k.push_back(noise_values(1000 + key, 48, 1));
    cache.v.push_back(noise_values(2000 + key, 48, 1));
    for (int head = 0; head < 2; ++head) {
      Bf16* k =
          pages_of_layer.data() + table[key / kPageKeys] * layout.page_size() + head * layout.head_size();
      Bf16* v = k + layout.k_tile();
      for (int i = 0; i < 24; ++i) {
        k[KvLayout::k_at(key % kPageKeys, i)] = round_bf16(cache.k[key][head * 24 + i]);
        v[layout.v_at(key % kPageKeys, i)] = round_bf16(cache.v[key][head * 24 + i]);
      }
    }
  }
  const std::vector<float> q = noise_values(5, kGroup * 24, 2);
  const std::vector<Bf16> q_bits = stored(q);
  AttentionScratch scratch(layout, kGroup);
  for (const int split : {64, 75, 100, 171, 256}) {
    for (const int keys : {1, 64, 65, 200, kKeys}) {
      std::vector<Bf16> out(kGroup * 24);
      ASSERT_TRUE(attend(GetParam(), layout, pages_of_layer.data(), 1, kGroup,
                         {q_bits.data(), table.data(), keys, split}, scratch, out.data()));
      std::vector<float> expected;
      for (int head = 0; head < kGroup; ++head) {
        oracle::SegmentState all;
        for (int first = 0; first < keys; first += split) {
          const oracle::KeyValues share{{cache.k.begin() + first, cache.k.end()},
                                        {cache.v.begin() + first, cache.v.end()}};
          oracle::merge(all, oracle::segment(oracle::SumOrder::fma512, std::span(q).subspan(head * 24, 24),
                                             share, 1, 0, std::min(split, keys - first)));
        }
        const float rho = 1.0f / all.l;
        for (const float o : all.o) expected.push_back(oracle::bf16(o * rho + 0.0f));
      }
      ASSERT_TRUE(bitwise_equal(widened(out), expected,
                                std::to_string(keys) + " keys in shares of " + std::to_string(split)));
    }
  }
}

TEST_P(Kernel, TheHeadOfAnyVocabularyGivesTheOraclesResult) {
  for (const int vocab : {1, 2, 17, 1023, 1024, 1025, 1030, 5000}) {
    for (const bool fp32 : {false, true}) {
      // Coarse values, so that ties within and across chunks are everywhere; and both zeros.
      std::vector<float> sums = noise_values(vocab, vocab, 4);
      for (float& s : sums) s = std::round(s);
      std::vector<ChunkResult> chunks;
      for (int first = 0; first < vocab; first += kDigestChunk)
        chunks.push_back(
            head_chunk(GetParam(), sums.data(), first, std::min(kDigestChunk, vocab - first), fp32));
      ASSERT_TRUE(bitwise_equal(merge_chunks(chunks, sums.data(), vocab, fp32), oracle::head(sums, fp32),
                                "head of " + std::to_string(vocab)));
    }
  }
}

TEST_P(Kernel, TheHeadSeesWhatIsNotFinite) {
  std::vector<float> sums(1100, 1.0f);
  const auto finite = [&](bool fp32) {
    std::vector<ChunkResult> chunks = {head_chunk(GetParam(), sums.data(), 0, 1024, fp32),
                                       head_chunk(GetParam(), sums.data(), 1024, 76, fp32)};
    return merge_chunks(chunks, sums.data(), 1100, fp32).finite;
  };
  sums[1099] = std::numeric_limits<float>::max();  // rounds to an infinity
  EXPECT_FALSE(finite(false));
  EXPECT_TRUE(finite(true));
  sums[1099] = -std::numeric_limits<float>::infinity();
  EXPECT_FALSE(finite(true));
}

INSTANTIATE_TEST_SUITE_P(Targets, Kernel, testing::ValuesIn(simd_targets()),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(PackedMatrix, HoldsEveryPartsRowsRoundedInBothLayouts) {
  ThreadPool pool(2);
  const int k = 5;
  const std::vector<float> a(3 * k, 1.0f + 0x1p-9f), b = noise_values(6, 70 * k, 1);
  AlignedBuffer<float> plain;
  const PackedMatrix m = pack(pool, {rows_of(a, 3, k), rows_of(b, 70, k)}, 73, k, &plain);
  for (int row = 0; row < 73; ++row) {
    for (int column = 0; column < k; ++column) {
      const float value = row < 3 ? oracle::bf16(a[row * k + column]) : b[(row - 3) * k + column];
      ASSERT_EQ(widen(m.at(row, column)), value);
      ASSERT_EQ(plain[row * k + column], value);
    }
  }
}

TEST(PackedMatrix, RefusesPartsOfAnotherShape) {
  ThreadPool pool(1);
  const std::vector<float> values(60);
  const auto exit_of = [&](int rows, int columns) {
    try {
      pack(pool, {rows_of(values, 10, 5)}, rows, columns, nullptr);
    } catch (const Error& error) {
      return error.status();
    }
    return Exit::ok;
  };
  EXPECT_EQ(exit_of(10, 5), Exit::ok);
  EXPECT_EQ(exit_of(11, 5), Exit::bad_input);
  EXPECT_EQ(exit_of(10, 6), Exit::bad_input);
}

TEST(RopeTable, PowersAndAnglesAreGoodToTheLastBits) {
  for (int i = 1; i < 2000; ++i) {
    const double base = 1.5 + i * 700.0, exponent = -(i % 128) / 128.0;
    const long double expected = std::pow(static_cast<long double>(base), static_cast<long double>(exponent));
    ASSERT_LE(std::abs((power(base, exponent) - expected) / expected), 0x1p-51L) << base << " " << exponent;
  }
  for (int i = 0; i < 200000; ++i) {
    const double angle = i < 100000 ? i : std::abs(static_cast<double>(noise(9, i))) * 131072;
    const SinCos value = sin_cos(angle);
    ASSERT_LE(std::abs(value.sin - std::sin(static_cast<long double>(angle))), 0x1p-52L) << angle;
    ASSERT_LE(std::abs(value.cos - std::cos(static_cast<long double>(angle))), 0x1p-52L) << angle;
  }
}

}  // namespace
}  // namespace ra
