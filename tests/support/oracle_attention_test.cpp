// Rules 10 to 14 of the oracle by hand-computed values, and mutants of them that a comparison by bits must
// see.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "tests/support/bitwise_equal.h"
#include "tests/support/oracle.h"
#include "tests/support/tiny_model.h"

namespace ra::oracle {
namespace {

// Random keys and values of one kv head, as stored.
KeyValues random_cache(int keys, int head_dim, uint64_t seed) {
  KeyValues cache;
  uint64_t index = 0;
  for (int key = 0; key < keys; ++key) {
    for (auto* rows : {&cache.k, &cache.v}) {
      std::vector<float>& row = rows->emplace_back(head_dim);
      for (float& value : row) value = bf16(noise(seed, index++));
    }
  }
  return cache;
}

std::vector<float> random_query(int head_dim, uint64_t seed, float scale = 4.0f) {
  std::vector<float> q(head_dim);
  for (int d = 0; d < head_dim; ++d) q[d] = bf16(noise(seed, d) * scale);
  return q;
}

// Softmax attention in double.
std::vector<double> softmax_attention(const std::vector<float>& q, const KeyValues& cache, int keys) {
  std::vector<double> weight(keys), out(q.size(), 0.0);
  double greatest = -INFINITY, sum = 0;
  for (int key = 0; key < keys; ++key) {
    double s = 0;
    for (size_t d = 0; d < q.size(); ++d) s += double{q[d]} * cache.k[key][d];
    weight[key] = s / std::sqrt(double(q.size()));
    greatest = std::max(greatest, weight[key]);
  }
  for (double& w : weight) sum += w = std::exp(w - greatest);
  for (int key = 0; key < keys; ++key) {
    for (size_t d = 0; d < q.size(); ++d) out[d] += weight[key] / sum * cache.v[key][d];
  }
  return out;
}

class OracleAttention : public testing::TestWithParam<SumOrder> {};
class OracleMutants : public testing::TestWithParam<SumOrder> {};

const auto kOrders = testing::Values(SumOrder::fma512, SumOrder::k16);
std::string name_of(const testing::TestParamInfo<SumOrder>& test) {
  return test.param == SumOrder::k16 ? "k16" : "fma512";
}
INSTANTIATE_TEST_SUITE_P(Orders, OracleAttention, kOrders, name_of);
INSTANTIATE_TEST_SUITE_P(Orders, OracleMutants, kOrders, name_of);

TEST_P(OracleAttention, AQueryOfZeroAveragesTheValues) {
  KeyValues cache = random_cache(4, 8, 1);
  for (int key = 0; key < 4; ++key) cache.v[key].assign(8, static_cast<float>(key));
  const std::vector<float> q(8, 0.0f);
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 1), std::vector(8, 0.0f));
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 3), std::vector(8, 1.0f));
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 4), std::vector(8, 1.5f));
}

TEST_P(OracleAttention, IsNearSoftmaxInDouble) {
  const KeyValues cache = random_cache(1025, 64, 2);
  const std::vector<float> q = random_query(64, 3);
  for (const int keys : {1, 63, 64, 65, 255, 256, 257, 513, 1025}) {
    const std::vector<float> o = attention(GetParam(), q, cache, 0, keys);
    const std::vector<double> exact = softmax_attention(q, cache, keys);
    for (int d = 0; d < 64; ++d) ASSERT_NEAR(o[d], exact[d], 1.0 / 128) << keys << " keys, element " << d;
  }
}

TEST_P(OracleAttention, ReadsItsOwnKvHead) {
  KeyValues cache = random_cache(5, 16, 4);
  KeyValues second;
  for (int key = 0; key < 5; ++key) {
    second.k.emplace_back(cache.k[key].begin() + 8, cache.k[key].end());
    second.v.emplace_back(cache.v[key].begin() + 8, cache.v[key].end());
  }
  const std::vector<float> q = random_query(8, 5);
  EXPECT_EQ(attention(GetParam(), q, cache, 1, 5), attention(GetParam(), q, second, 0, 5));
  EXPECT_NE(attention(GetParam(), q, cache, 0, 5), attention(GetParam(), q, second, 0, 5));
}

TEST_P(OracleAttention, KeysMoreThan125BelowTheMaximumCountNothing) {
  KeyValues cache = random_cache(3, 4, 6);
  const std::vector<float> q(4, 64.0f);
  cache.k[0].assign(4, -8.0f);  // u = -8 * 4 * 64 * log2(e) / 2 = -1477
  cache.k[1].assign(4, 8.0f);
  cache.k[2].assign(4, -8.0f);
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 3),
            attention_output(segment(GetParam(), q, {{cache.k[1]}, {cache.v[1]}}, 0, 0, 1)));
}

TEST_P(OracleAttention, AScoreBeyondTheClampIsClamped) {
  KeyValues cache = random_cache(2, 4, 7);
  const std::vector<float> q(4, 0x1p20f);
  cache.k[0].assign(4, 4.0f);
  cache.k[1].assign(4, 8.0f);
  cache.v[0].assign(4, 1.0f);
  cache.v[1].assign(4, 3.0f);
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 2), std::vector(4, 2.0f)) << "both scores are 2^20";
}

TEST_P(OracleAttention, ANegativeZeroComesOutPositive) {
  KeyValues cache = random_cache(64, 4, 8);
  for (std::vector<float>& v : cache.v) v.assign(4, -0.0f);
  for (const float o : attention(GetParam(), random_query(4, 9), cache, 0, 64)) EXPECT_FALSE(std::signbit(o));
}

TEST_P(OracleAttention, WhatMaskedSlotsHoldDoesNotMatter) {
  KeyValues cache = random_cache(70, 8, 10);
  const std::vector<float> q = random_query(8, 11), before = attention(GetParam(), q, cache, 0, 67);
  for (int key = 67; key < 70; ++key) {
    cache.k[key].assign(8, std::nanf(""));
    cache.v[key].assign(8, std::nanf(""));
  }
  EXPECT_EQ(attention(GetParam(), q, cache, 0, 67), before);
}

SegmentState state_of(int32_t m, float l, float o) {
  return {false, m, l, {o}};
}

TEST(OracleMerge, ScalesBothToTheLargerMaximum) {
  SegmentState sum = state_of(0, 1.0f, 2.0f);
  merge(sum, state_of(2, 3.0f, 5.0f));
  EXPECT_EQ(sum.m, 2);
  EXPECT_EQ(sum.l, 3.25f);
  EXPECT_EQ(sum.o[0], 5.5f);
  merge(sum, state_of(1, 2.0f, -2.0f));
  EXPECT_EQ(sum.l, 4.25f);
  EXPECT_EQ(sum.o[0], 4.5f);
}

TEST(OracleMerge, CopiesTheFirstAndSkipsTheEmpty) {
  SegmentState sum;
  merge(sum, state_of(5, 1.5f, -0.0f));
  EXPECT_EQ(sum.m, 5);
  EXPECT_TRUE(std::signbit(sum.o[0]));
  merge(sum, {});
  EXPECT_EQ(sum.m, 5);
  EXPECT_TRUE(std::signbit(sum.o[0])) << "an empty segment changes nothing";
}

TEST(OracleMerge, APowerBelow125IsZero) {
  SegmentState sum = state_of(0, 1.0f, 1.0f);
  merge(sum, state_of(125, 0.0f, 0.0f));
  EXPECT_EQ(sum.l, 0x1p-125f);
  sum = state_of(0, 1.0f, 1.0f);
  merge(sum, state_of(126, 0.0f, 0.0f));
  EXPECT_EQ(sum.l, 0.0f);
}

// --- mutants: each differs from the rule in the order of sums alone, and the comparison must see it
// -----------

using Attention =
    std::function<std::vector<float>(const std::vector<float>& q, const KeyValues& cache, int keys)>;

// Rounding the output to bf16 hides the order of most sums: with random values 1 of some 2^15 outputs
// differs. Here the second half of the keys takes back what the first half adds, all but every fourth key's
// small value, so that what is left shows how the large ones were rounded.
KeyValues cancelling_cache(int keys, int head_dim, uint64_t seed) {
  KeyValues cache = random_cache(keys, head_dim, seed);
  const int half = keys / 2;
  for (int key = 0; key < keys; ++key) {
    for (int d = 0; d < head_dim; ++d) {
      if (key % half % 4 == 3) {
        cache.v[key][d] *= 0x1p-10f;
      } else if (key >= half && key < 2 * half) {
        cache.v[key][d] = -cache.v[key - half][d];
      }
    }
    if (key >= half && key < 2 * half) cache.k[key] = cache.k[key - half];
  }
  return cache;
}

// In how many of 64 random heads over `keys` keys the mutant's bits differ.
int heads_that_differ(SumOrder order, const Attention& mutant, int keys) {
  const KeyValues cache = cancelling_cache(keys, 32, 20);
  int differing = 0;
  for (uint64_t head = 0; head < 64; ++head) {
    const std::vector<float> q = random_query(32, 100 + head);
    differing += !bitwise_equal(mutant(q, cache, keys), attention(order, q, cache, 0, keys), "");
  }
  return differing;
}

TEST_P(OracleMutants, SegmentsMergedInReverseAreSeen) {
  const Attention reversed = [order = GetParam()](const std::vector<float>& q, const KeyValues& cache,
                                                  int keys) {
    SegmentState sum;
    for (int first = (keys - 1) / 256 * 256; first >= 0; first -= 256)
      merge(sum, segment(order, q, cache, 0, first, keys));
    return attention_output(sum);
  };
  EXPECT_EQ(heads_that_differ(GetParam(), reversed, 200), 0) << "one segment has one order";
  EXPECT_GT(heads_that_differ(GetParam(), reversed, 1025), 0);
}

TEST_P(OracleMutants, ASplitSizeReadFromTheBatchIsSeen) {
  const Attention halves = [order = GetParam()](const std::vector<float>& q, const KeyValues& cache,
                                                int keys) {
    const int half = (keys + 1) / 2;
    SegmentState sum = segment(order, q, cache, 0, 0, half);
    merge(sum, segment(order, q, cache, 0, half, keys));
    return attention_output(sum);
  };
  EXPECT_GT(heads_that_differ(GetParam(), halves, 200), 0);
}

TEST_P(OracleMutants, SegmentsCountedFromTheEndAreSeen) {
  const Attention shifted = [order = GetParam()](const std::vector<float>& q, const KeyValues& cache,
                                                 int keys) {
    SegmentState sum;
    const int begin = keys % 256;
    if (begin > 0) sum = segment(order, q, cache, 0, 0, begin);
    for (int first = begin; first < keys; first += 256) merge(sum, segment(order, q, cache, 0, first, keys));
    return attention_output(sum);
  };
  EXPECT_EQ(heads_that_differ(GetParam(), shifted, 512), 0) << "there they are the same segments";
  EXPECT_GT(heads_that_differ(GetParam(), shifted, 600), 0);
}

}  // namespace
}  // namespace ra::oracle
