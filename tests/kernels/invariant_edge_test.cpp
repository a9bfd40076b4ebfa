// `invariant` against the oracle where values are extreme: what the tests of ordinary values cannot reach is planted
// into an operation's output, in the oracle and on the device alike.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/checked_device.h"
#include "tests/support/small_shapes.h"

namespace ra {
namespace {

constexpr Capacity kCapacity{.rows = 1100, .logit_rows = 16, .slots = 8, .pages = 64};

class InvariantEdge : public testing::TestWithParam<std::string> {
 protected:
  CheckedDevice open(const TinyModel& weights) {
    return CheckedDevice(weights, GetParam(), "invariant", 2, kCapacity);
  }
};

void put(std::span<std::byte> row, int element, float value) {
  const uint16_t bits = oracle::bf16_bits(value);
  std::memcpy(row.data() + 2 * element, &bits, 2);
}

// A plant that fills q, k and v after the projection: value(part, head, dim, position); part is 'q', 'k' or 'v'.
using QkvValue = std::function<float(char part, int head, int dim, int position)>;
Plant qkv_plant(const ModelShape& shape, QkvValue value) {
  return [shape, value](Role role, int, int position, std::span<std::byte> row) {
    if (role != Role::qkv) return;
    int element = 0;
    for (const auto& [part, heads] :
         {std::pair{'q', shape.heads}, {'k', shape.kv_heads}, {'v', shape.kv_heads}}) {
      for (int head = 0; head < heads; ++head) {
        for (int dim = 0; dim < shape.head_dim; ++dim) put(row, element++, value(part, head, dim, position));
      }
    }
  };
}

uint64_t index_of(int head, int dim, int position) {
  return (static_cast<uint64_t>(position) * 64 + head) * 256 + dim;
}

// A text of `length` with these q, k and v, prefilled in pieces of 200 and then decoded at its last position.
void expect_equal(CheckedDevice device, const TinyModel& weights, int length, const QkvValue& value) {
  OracleModel oracle(weights, weights.shape.max_positions, device.order());
  const OracleText text(oracle, random_tokens(1, length, weights.shape.vocab),
                        qkv_plant(weights.shape, value));
  ASSERT_TRUE(device.feed(0, text, 0, length, 200));
  EXPECT_TRUE(device.step({{0, &text, length - 1, 1}}));
}

TEST_P(InvariantEdge, ScoresFurtherApartThan125InLog2) {
  const TinyModel weights = random_model(tiny_shape(), 1);
  expect_equal(open(weights), weights, 600, [](char part, int head, int dim, int position) {
    const float value = noise(static_cast<uint64_t>(part), index_of(head, dim, position));
    return part == 'v' ? value : 40.0f * value;  // the scores' deviation is some 200 in log2
  });
}

TEST_P(InvariantEdge, ScoresBeyondTheClamp) {
  const TinyModel weights = random_model(tiny_shape(), 2);
  expect_equal(open(weights), weights, 300, [](char part, int head, int dim, int position) {
    const float value = noise(static_cast<uint64_t>(part), index_of(head, dim, position));
    return part == 'v' ? value : 0x1p12f * value;  // scores up to some 2^26, the clamp is at 2^20
  });
}

TEST_P(InvariantEdge, ScoresThatRiseAndFallByWholeSegments) {
  // Each segment's maximum lies more than 125 away from the ones beside it: merging drops one or the other side.
  const TinyModel weights = random_model(tiny_shape(), 3);
  expect_equal(open(weights), weights, 1030, [](char part, int head, int dim, int position) {
    const float value = noise(static_cast<uint64_t>(part), index_of(head, dim, position));
    if (part == 'q') return 8.0f + value;
    if (part == 'v') return value;
    return (position / 256 % 2 == 0 ? 8.0f : -8.0f) + value;
  });
}

TEST_P(InvariantEdge, PowersOfTwoAreCutBelowMinus125AndNotBefore) {
  // Scores 98 to 132 below the maximum in log2, and values as large as those are small: every key counts as much as
  // the others, whether its power of two is a P, a tile's alpha or a merge's factor.
  ModelShape shape = tiny_shape();
  shape.rope.base = 1e18;  // turns none of the upper frequencies
  const TinyModel weights = random_model(shape, 11);
  OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
  const auto score = [](int position) {  // in log2
    if (position % 320 == 100) return 0.0f;
    return -98.0f - 7.0f * static_cast<float>(position / 64 % 5) -
           static_cast<float>(position * 37 % 13) * 0.5f;
  };
  const Plant qkv = qkv_plant(shape, [&](char part, int head, int dim, int position) {
    if (part == 'v') {
      if (dim == 3) return score(position) == 0.0f ? 0.0f : -0x1p-120f;  // the sum underflows to -0
      return std::ldexp(noise('v', index_of(head, dim, position)), static_cast<int>(-score(position)) - 8);
    }
    if (dim != 15) return 0.0f;
    return part == 'q' ? 8.0f : score(position) / (8.0f * 0.25503f);  // log2(e) / sqrt(32)
  });
  const OracleText text(oracle, random_tokens(7, 800, shape.vocab),
                        [&](Role role, int layer, int position, std::span<std::byte> row) {
                          qkv(role, layer, position, row);
                          if (role != Role::attention) return;  // some are too large for the next norm
                          for (int i = 0; i < static_cast<int>(row.size() / 2); ++i) put(row, i, 1.0f);
                        });
  CheckedDevice device = open(weights);
  EXPECT_TRUE(device.feed(0, text, 0, 800, 200));
}

TEST_P(InvariantEdge, ValuesThatCancelAcrossSegments) {
  // What is left shows how the large sums were rounded, and with it the order of merging: bf16 hides it otherwise.
  ModelShape shape = tiny_shape();
  shape.rope.base = 1e18;  // turns none of the upper frequencies: equal k stay equal at other positions
  const TinyModel weights = random_model(shape, 4);
  constexpr int kHalf = 512;
  expect_equal(open(weights), weights, 2 * kHalf, [](char part, int head, int dim, int position) {
    const int period = position % kHalf;
    if (part == 'v') {
      if (period % 4 == 3) return 0x1p-10f * noise('v', index_of(head, dim, position));
      return (position < kHalf ? 1.0f : -1.0f) * noise('v', index_of(head, dim, period));
    }
    if (dim % 16 < 10) return 0.0f;
    return part == 'q' ? 4.0f * noise('q', index_of(head, dim, position))
                       : noise('k', index_of(head, dim, period));
  });
}

TEST_P(InvariantEdge, AZeroColumnOfVIsPositiveZero) {
  const TinyModel weights = random_model(tiny_shape(), 5);
  const auto value = [](char part, int head, int dim, int position) {
    if (part == 'v' && dim == 0) return 0.0f;
    if (part == 'v' && dim == 1) return -0.0f;
    return noise(static_cast<uint64_t>(part), index_of(head, dim, position));
  };
  expect_equal(open(weights), weights, 270, value);
  OracleModel oracle(weights, weights.shape.max_positions, order_of(GetParam()));
  const OracleText text(oracle, {1, 2, 3}, qkv_plant(weights.shape, value));
  const std::span<const std::byte> row = text.row(Role::attention, 0, 2);
  EXPECT_EQ(std::ranges::count(row.first(4), std::byte{0}), 4) << "+0 in both columns";
}

TEST_P(InvariantEdge, NansThatAnEarlierSequenceLeftInItsPagesDoNotMatter) {
  for (const ModelShape& shape : {tiny_shape(), qk_norm_shape()}) {
    const TinyModel weights = random_model(shape, 6);
    OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
    const OracleText text(oracle, random_tokens(2, 330, shape.vocab));
    CheckedDevice device = open(weights);
    device.set_fault([&](const OpOutput& output) {
      for (int r = 0; r < output.rows; ++r) {
        const std::span<std::byte> row(output.row(r), output.row_bytes);
        const int width = static_cast<int>(output.row_bytes / 2), q_width = shape.heads * shape.head_dim;
        for (int i = 0; i < width; ++i) {
          if (output.role == Role::qkv && i >= q_width) put(row, i, std::nanf(""));
          if (output.role == Role::attention) put(row, i, 1.0f);
        }
      }
    });
    device.trace({{0, &text, 0, 330}});
    device.release(0);
    device.set_fault({});
    for (const int length : {1, 63, 65, 257}) {
      ASSERT_TRUE(device.feed(0, text, 0, length, length)) << length << " keys";
      ASSERT_TRUE(device.step({{0, &text, length, 1}})) << "decode after " << length << " keys";
      device.release(0);
    }
  }
}

TEST_P(InvariantEdge, GatesOfAnySizeGiveTheOraclesBits) {
  const ModelShape shape = tiny_shape();
  const TinyModel weights = random_model(shape, 7);
  OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
  const OracleText text(oracle, random_tokens(3, 120, shape.vocab),
                        [&](Role role, int, int position, std::span<std::byte> row) {
                          if (role != Role::gate_up) return;
                          // Gates of every magnitude up to 2^10, ups that keep the products in range.
                          for (int i = 0; i < shape.ffn; ++i) {
                            const uint64_t at = index_of(0, 0, position) * 8 + i;
                            put(row, i,
                                std::ldexp(noise(1, at), static_cast<int>(noise(2, at) * 24.0f) - 14));
                            put(row, shape.ffn + i, noise(3, at));
                          }
                          put(row, 0, 0.0f);
                          put(row, 1, -0.0f);
                          put(row, 2, 86.5f);
                          put(row, 3, -86.5f);
                          put(row, 4, -1000.0f);
                        });
  CheckedDevice device = open(weights);
  EXPECT_TRUE(device.feed(0, text, 0, 120, 40));
}

TEST_P(InvariantEdge, NormsOfEveryWidthGiveTheOraclesBits) {
  for (const int hidden : {64, 576, 896, 2048, 2080, 4096}) {
    const ModelShape shape{.layers = 1,
                           .hidden = hidden,
                           .heads = 2,
                           .kv_heads = 1,
                           .head_dim = 32,
                           .ffn = 64,
                           .vocab = 96,
                           .norm_eps = 1e-6f,
                           .max_positions = 64};
    const TinyModel weights = random_model(shape, 8);
    OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
    const OracleText text(oracle, random_tokens(4, 20, shape.vocab));
    CheckedDevice device = open(weights);
    EXPECT_TRUE(device.feed(0, text, 0, 20, 7)) << "hidden " << hidden;
  }
}

float sum_in_lanes(const std::vector<float>& x, int lanes) {
  std::vector<float> squares(lanes, 0.0f);
  for (size_t i = 0; i < x.size(); ++i) squares[i % lanes] = std::fma(x[i], x[i], squares[i % lanes]);
  return oracle::tree(squares);
}

// A row whose norm shows the lanes: some begin with a square of 2^24, beside which the later ones vanish, and rounding
// to bf16 does not hide that `other_lanes` give another sum. The first of a sequence of candidates that does.
std::vector<float> row_that_shows_lanes(int n, int large, int other_lanes, float eps, uint64_t seed) {
  const auto first_rounding = [&](float x, float sum) {
    return oracle::bf16(x * (1.0f / std::sqrt(sum / static_cast<float>(n) + eps)));
  };
  for (uint64_t candidate = 0; candidate < 10000; ++candidate) {
    std::vector<float> x(n);
    for (int i = 0; i < n; ++i) {
      const float value = noise(seed, candidate * n + i);
      x[i] = oracle::bf16(i < large ? 4096.0f * (1.2f + 0.15f * value) : 0.7f + 0.25f * value);
    }
    const float sum = oracle::sum_of_squares(x), other = sum_in_lanes(x, other_lanes);
    const auto shows = [&](float value) {
      return first_rounding(value, sum) != first_rounding(value, other);
    };
    if (std::ranges::any_of(x, shows)) return x;
  }
  throw Error(Exit::bug, "no row shows the lanes; expected one");
}

TEST_P(InvariantEdge, NormsAddTheirSquaresInTheStatedLanes) {
  struct Case {
    int hidden, large;
    std::vector<int> other_lanes;
  };
  for (const Case& norm : {Case{2048, 128, {128, 512}}, Case{4096, 512, {256, 512}}}) {
    const ModelShape shape{.layers = 1,
                           .hidden = norm.hidden,
                           .heads = 2,
                           .kv_heads = 1,
                           .head_dim = 32,
                           .ffn = 64,
                           .vocab = 96,
                           .norm_eps = 1e-6f,
                           .max_positions = 128};
    std::vector<std::vector<float>> rows;
    for (const int lanes : norm.other_lanes) {
      rows.push_back(row_that_shows_lanes(norm.hidden, norm.large, lanes, shape.norm_eps, lanes));
    }
    const TinyModel weights = random_model(shape, 12);
    OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
    const OracleText text(oracle, random_tokens(8, static_cast<int>(rows.size()), shape.vocab),
                          [&](Role role, int, int position, std::span<std::byte> row) {
                            if (role != Role::embed) return;
                            for (int i = 0; i < norm.hidden; ++i) put(row, i, rows[position][i]);
                          });
    CheckedDevice device = open(weights);
    EXPECT_TRUE(device.feed(0, text, 0, text.length(), 1)) << "hidden " << norm.hidden;
  }
}

TEST_P(InvariantEdge, LogitsThatTieGoToTheLowestIdAndNansAreSeen) {
  const ModelShape shape = smollm2_layer_shape();
  const TinyModel weights = random_model(shape, 9);
  OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
  const float kNan = std::nanf(""), kInfinity = std::numeric_limits<float>::infinity();
  // Position by position, what the two planted sums are; they lie far apart, and all others are below them.
  const std::vector<std::pair<float, float>> planted = {
      {900.0f, 900.0f}, {900.0f, 901.0f},  {0.0f, -0.0f},      {-0.0f, 0.0f},      {kNan, 1.0f},
      {1.0f, kNan},     {kInfinity, 1.0f}, {1.0f, -kInfinity}, {0x1.ffp127f, 1.0f}};
  const OracleText text(oracle, random_tokens(5, static_cast<int>(planted.size()), shape.vocab),
                        [&](Role role, int, int position, std::span<std::byte> row) {
                          if (role != Role::lm_head) return;
                          std::vector<float> sums(shape.vocab, -1.0f);
                          sums[17] = planted[position].first;
                          sums[shape.vocab - 1] = planted[position].second;
                          std::memcpy(row.data(), sums.data(), row.size());
                        });
  EXPECT_EQ(text.head(0).top[0], 17);
  EXPECT_EQ(text.head(1).top[0], 17) << "901 is 900 in bf16";
  EXPECT_FALSE(text.head(8).finite);
  CheckedDevice device = open(weights);
  EXPECT_TRUE(device.feed(0, text, 0, text.length(), 1));
}

TEST_P(InvariantEdge, TheRopeTableIsRoundedRightAt32000Positions) {
  const RopeSpec plain{.base = 10000.0}, qwen3{.base = 1e6};
  const RopeSpec llama3{RopeSpec::Scaling::llama3, 500000.0, 32.0, 1.0, 4.0, 8192.0};
  for (const auto& [rope, head_dim] : {std::pair{plain, 64}, {qwen3, 128}, {llama3, 64}}) {
    ModelShape shape = tiny_shape();
    shape.head_dim = head_dim;
    shape.max_positions = 32000;
    shape.rope = rope;
    const KernelSet set = find_kernel_set(GetParam(), "invariant");
    const std::unique_ptr<Ops> ops = open_ops(GetParam(), shape, {set}, 2);
    ops->reserve({.rows = 1, .logit_rows = 1, .slots = 1, .pages = 32000 / kPageKeys});
    const std::vector<float> expected = oracle::rope_table(rope, head_dim, 32000);
    ASSERT_GE(ops->rope_table().size(), expected.size());
    EXPECT_TRUE(bitwise_equal(std::span(ops->rope_table()).first(expected.size()), expected,
                              fmt::format("base {}", rope.base)));
  }
}

// --- the comparison itself ----------------------------------------------------------------------------------------

TEST_P(InvariantEdge, OneBitChangedInAnyOperationIsFoundThere) {
  const ModelShape shape = tiny_shape();
  const TinyModel weights = random_model(shape, 10);
  OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
  const OracleText text(oracle, random_tokens(6, 12, shape.vocab));
  CheckedDevice device = open(weights);
  ASSERT_TRUE(device.feed(0, text, 0, 12, 12));
  for (int number = 0; number < kRoles; ++number) {
    const Role role = static_cast<Role>(number);
    int struck = 0;
    device.set_fault([&](const OpOutput& output) {
      if (output.role != role || output.layer != 0) return;
      ++struck;
      output.row(output.rows - 1)[0] ^= std::byte{1};
    });
    const testing::AssertionResult found = device.step({{0, &text, 0, 12}});
    EXPECT_EQ(struck, 1) << role_name(role);
    EXPECT_FALSE(found) << role_name(role);
    EXPECT_EQ(std::string(found.message()).rfind(fmt::format("{} of layer 0", role_name(role)), 0), 0u)
        << found.message();
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, InvariantEdge, testing::ValuesIn(devices_with("invariant")),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace ra
