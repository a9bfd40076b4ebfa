// Models without their weights: the same bytes everywhere, numbers of the stated distribution, and an identity.
#include "core/llm/dummy_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/hash.h"
#include "kernels/bf16.h"
#include "tests/support/checkpoint_files.h"
#include "tests/support/golden.h"
#include "tests/support/refusal.h"
#include "tests/support/same_model.h"

namespace ra {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two layers of every kind of tensor: norms of q and k, biases, a head of its own.
std::string every_kind() {
  return tiny_config({{"architectures", R"(["Qwen3ForCausalLM"])"},
                      {"model_type", R"("qwen3")"},
                      {"num_hidden_layers", "2"},
                      {"head_dim", "4"},
                      {"attention_bias", "true"},
                      {"tie_word_embeddings", "false"}});
}

uint16_t stored_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  EXPECT_EQ(bits & 0xffff, 0u) << "a value of bf16";
  return static_cast<uint16_t>(bits >> 16);
}

std::string little_endian(const std::vector<uint16_t>& values) {
  std::string bytes;
  for (const uint16_t value : values) {
    bytes += static_cast<char>(value & 0xff);
    bytes += static_cast<char>(value >> 8);
  }
  return bytes;
}

std::vector<uint16_t> made(const DummyTensor& tensor, size_t count) {
  std::vector<uint16_t> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = dummy_bf16(tensor, i);
  return values;
}

const std::vector<Role> kRolesWithWeights = {
    Role::embed,    Role::attention_norm, Role::qkv,  Role::qk_norm_rope, Role::o,
    Role::ffn_norm, Role::gate_up,        Role::down, Role::final_norm,   Role::lm_head};

// Calls check(part) for every part of the model.
template <typename Check>
void for_each_part(const Checkpoint& checkpoint, Check check) {
  for (const Role role : kRolesWithWeights) {
    const bool once = role == Role::embed || role == Role::final_norm || role == Role::lm_head;
    for (int layer = 0; layer < (once ? 1 : checkpoint.shape().layers); ++layer) {
      for (const RowSource& part : checkpoint.parts(role, layer)) check(part);
    }
  }
}

TEST(DummyWeights, AreThoseOfAnotherImplementation) {
  // The digest, and the elements below, by a script in exact fractions that was written from the header's words alone.
  CheckpointFolder folder;
  folder.write("config.json", every_kind());
  const Checkpoint checkpoint = Checkpoint::open_dummy(folder.path(), 7);
  Sha256 hash;
  size_t count = 0;
  const ModelShape& shape = checkpoint.shape();
  for (const WeightName& weight : weight_names(shape)) {
    const size_t rows = extent_of(weight.rows, shape), columns = extent_of(weight.columns, shape);
    for (int layer = 0; layer < (has_layers(weight) ? shape.layers : 1); ++layer) {
      hash.update(little_endian(made(dummy_weight(7, weight, layer, shape), rows * columns)));
      count += rows * columns;
      if (!has_bias(shape, weight.role)) continue;
      hash.update(little_endian(made(dummy_bias(7, weight, layer), rows)));
      count += rows;
    }
  }
  EXPECT_EQ(count, 1128u);
  EXPECT_EQ(hex(hash.finish()), "57fcea2a199af1ff9c7e28ebd5f98931f1ed51b45a89cec564ae8660c9465e1c");

  const auto first_four = [&](const std::vector<float>& values) {
    std::vector<uint16_t> bits;
    for (size_t i = 0; i < 4; ++i) bits.push_back(stored_bits(values[i]));
    return bits;
  };
  EXPECT_THAT(first_four(values_of(checkpoint, Role::embed, 0, 0)),
              ElementsAre(0x3ef1, 0x3ed3, 0xbf5b, 0xc005));
  EXPECT_THAT(first_four(values_of(checkpoint, Role::final_norm, 0, 0)),
              ElementsAre(0x3f6f, 0x3f73, 0x3f86, 0x3f82));
  EXPECT_THAT(first_four(bias_of(checkpoint, Role::qkv, 1, 0)), ElementsAre(0x3c8a, 0xbc61, 0xbdc0, 0x3c44));
}

TEST(DummyWeights, ReadingGivesWhatTheDescriptionGives) {
  CheckpointFolder folder;
  folder.write("config.json", every_kind());
  const Checkpoint checkpoint = Checkpoint::open_dummy(folder.path(), 3);
  size_t parts = 0, biases = 0;
  for_each_part(checkpoint, [&](const RowSource& part) {
    ++parts;
    ASSERT_TRUE(part.dummy.has_value());
    const size_t columns = static_cast<size_t>(part.columns);
    std::vector<float> values(columns);
    for (int row = 0; row < part.rows; ++row) {
      part.read(row, 1, values.data());
      for (size_t i = 0; i < columns; ++i)
        ASSERT_EQ(stored_bits(values[i]), dummy_bf16(*part.dummy, static_cast<size_t>(row) * columns + i));
    }
    EXPECT_THROW(part.read(part.rows, 1, values.data()), Error);
    ASSERT_EQ(part.dummy_bias.has_value(), static_cast<bool>(part.read_bias));
    if (!part.dummy_bias) return;
    ++biases;
    values.resize(static_cast<size_t>(part.rows));
    part.read_bias(values.data());
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(stored_bits(values[i]), dummy_bf16(*part.dummy_bias, i));
  });
  EXPECT_EQ(parts, 3u + 2 * 11);
  EXPECT_EQ(biases, 2u * 4);
}

TEST(DummyWeights, AreTheSameInAnyPieceFromAnyThread) {
  const Checkpoint checkpoint = Checkpoint::open_dummy(RA_SOURCE "/samples/configs/Qwen3-0.6B", 1);
  const RowSource source = checkpoint.parts(Role::down, 27).at(0);
  constexpr int kRows = 64;
  const size_t columns = static_cast<size_t>(source.columns);
  std::vector<float> whole(kRows * columns), pieces(kRows * columns);
  source.read(100, kRows, whole.data());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int row = t; row < kRows; row += 4) source.read(100 + row, 1, pieces.data() + row * columns);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pieces, whole);
}

struct Moments {
  double mean = 0, deviation = 0, least = 0, greatest = 0;
};
Moments moments(const DummyTensor& tensor, size_t count) {
  double sum = 0, squares = 0;
  Moments m{.least = INFINITY, .greatest = -INFINITY};
  for (const uint16_t bits : made(tensor, count)) {
    const double value = widen(bits);
    sum += value;
    squares += value * value;
    m.least = std::min(m.least, value);
    m.greatest = std::max(m.greatest, value);
  }
  m.mean = sum / static_cast<double>(count);
  m.deviation = std::sqrt(squares / static_cast<double>(count) - m.mean * m.mean);
  return m;
}

TEST(DummyWeights, HaveTheStatedMeansAndDeviations) {
  const Checkpoint checkpoint = Checkpoint::open_dummy(RA_SOURCE "/samples/configs/Qwen3-8B", 1);
  const auto expect = [](const DummyTensor& tensor, double mean, double deviation, double tolerance,
                         const char* what) {
    constexpr size_t kCount = 400'000;
    const Moments m = moments(tensor, kCount);
    EXPECT_NEAR(m.mean, mean, 5 * deviation / std::sqrt(kCount)) << what;
    EXPECT_NEAR(m.deviation / deviation, 1, tolerance) << what;
    // Four uniforms reach 2 sqrt(3) = 3.46 deviations; a normal number would exceed that 1 in 1,900 times.
    EXPECT_LT(m.greatest, mean + 3.5 * deviation) << what;
    EXPECT_GT(m.greatest, mean + 3.2 * deviation) << what;
    EXPECT_GT(m.least, mean - 3.5 * deviation) << what;
    EXPECT_LT(m.least, mean - 3.2 * deviation) << what;
  };
  constexpr double kScale = 1.0 / 128 + 0.005;  // 7 bits, and what a sample may differ by
  const auto matrix = [&](Role role, size_t part) { return *checkpoint.parts(role, 5).at(part).dummy; };
  expect(*checkpoint.parts(Role::embed, 0)[0].dummy, 0, 1, kScale, "embedding");
  expect(matrix(Role::qkv, 1), 0, 1.6 / 64, kScale, "k");
  expect(matrix(Role::o, 0), 0, 1.6 / 64, kScale, "o");
  expect(matrix(Role::down, 0), 0, 1.6 / std::sqrt(12288.0), kScale, "down");
  expect(*checkpoint.parts(Role::lm_head, 0)[0].dummy, 0, 1.6 / 64, kScale, "head");
  constexpr double kNarrow = 37837.227 * 3 / (1 << 21);  // 0.0541
  expect(matrix(Role::attention_norm, 0), 1, kNarrow, 0.01, "norm");
  expect(dummy_bias(1, weight_names(checkpoint.shape())[2], 0), 0, kNarrow, 0.01, "bias");
}

TEST(DummyWeights, AreIndependentOfTheirNeighboursAndOfOtherTensors) {
  const Checkpoint checkpoint = Checkpoint::open_dummy(RA_SOURCE "/samples/configs/Qwen3-8B", 1);
  constexpr size_t kCount = 200'000;
  const auto values = [&](const DummyTensor& tensor, size_t from) {
    std::vector<double> v(kCount);
    for (size_t i = 0; i < kCount; ++i) v[i] = widen(dummy_bf16(tensor, from + i));
    return v;
  };
  const auto correlation = [](const std::vector<double>& a, const std::vector<double>& b) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < kCount; ++i) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    return ab / std::sqrt(aa * bb);
  };
  const DummyTensor q = *checkpoint.parts(Role::qkv, 5).at(0).dummy;
  const std::vector<double> own = values(q, 0);
  EXPECT_NEAR(correlation(own, own), 1, 1e-9);
  const double bound = 5 / std::sqrt(kCount);
  EXPECT_LT(std::abs(correlation(own, values(q, 1))), bound) << "the next column";
  EXPECT_LT(std::abs(correlation(own, values(q, 4096))), bound) << "the next row";
  EXPECT_LT(std::abs(correlation(own, values(*checkpoint.parts(Role::qkv, 5).at(1).dummy, 0))), bound) << "k";
  EXPECT_LT(std::abs(correlation(own, values(*checkpoint.parts(Role::qkv, 6).at(0).dummy, 0))), bound)
      << "the next layer";
  const Checkpoint other = Checkpoint::open_dummy(RA_SOURCE "/samples/configs/Qwen3-8B", 2);
  EXPECT_LT(std::abs(correlation(own, values(*other.parts(Role::qkv, 5).at(0).dummy, 0))), bound) << "seed 2";
}

TEST(DummyWeights, EveryTensorHasAKeyOfItsOwn) {
  const Checkpoint checkpoint = Checkpoint::open_dummy(RA_SOURCE "/samples/configs/Qwen3-8B", 1);
  std::set<uint64_t> keys;
  size_t parts = 0;
  for_each_part(checkpoint, [&](const RowSource& part) {
    keys.insert(part.dummy->key);
    ++parts;
  });
  EXPECT_EQ(parts, checkpoint.tensors().size());
  EXPECT_EQ(keys.size(), parts);
}

TEST(DummyWeights, OnlyTheLastRoundingRounds) {
  // Every centred sum times every scale is exact in fp32, and so is the sum with an offset.
  std::vector<DummyTensor> tensors;
  for (const char* name : {"Qwen3-0.6B", "Qwen3-8B", "Llama-3.1-8B"}) {
    const Checkpoint checkpoint =
        Checkpoint::open_dummy(std::string(RA_SOURCE "/samples/configs/") + name, 1);
    for (const Role role : kRolesWithWeights) {
      for (const RowSource& part : checkpoint.parts(role, 0)) tensors.push_back(*part.dummy);
    }
  }
  std::set<std::pair<float, float>> kinds;
  for (const DummyTensor& tensor : tensors) kinds.insert({tensor.scale, tensor.offset});
  ASSERT_GT(kinds.size(), 5u);
  for (const auto& [scale, offset] : kinds) {
    for (int32_t c = -kDummyMean; c <= kDummyMean; ++c) {
      const double exact = static_cast<double>(c) * scale + offset;  // 24 and 24 bits fit a double
      ASSERT_EQ(static_cast<double>(static_cast<float>(exact)), exact)
          << c << " * " << scale << " + " << offset;
    }
  }
}

TEST(DummyCheckpoint, OpensTheSampleShapes) {
  struct Sample {
    const char *name, *family;
    int64_t weights;  // as their publishers count them
    size_t tensors;
  };
  for (const Sample& sample :
       {Sample{"Qwen3-0.6B", "qwen3", 596'049'920, 310}, Sample{"Qwen3-8B", "qwen3", 8'190'735'360, 399},
        Sample{"Llama-3.1-8B", "llama", 8'030'261'248, 291},
        Sample{"SmolLM2-135M", "llama", 134'515'008, 272}}) {
    SCOPED_TRACE(sample.name);
    const std::string folder = std::string(RA_SOURCE "/samples/configs/") + sample.name;
    const Checkpoint checkpoint = Checkpoint::open_dummy(folder, 1);
    EXPECT_EQ(checkpoint.name(), std::string(sample.name) + " (dummy weights, seed 1)");
    EXPECT_EQ(checkpoint.family(), sample.family);
    EXPECT_EQ(checkpoint.format(), "dummy");
    EXPECT_EQ(checkpoint.dummy_seed(), 1u);
    EXPECT_FALSE(checkpoint.tokenizer().present());
    int64_t weights = 0;
    for (const StoredTensor& tensor : checkpoint.tensors()) weights += tensor.rows * tensor.columns;
    EXPECT_EQ(weights, sample.weights);
    EXPECT_EQ(checkpoint.tensors().size(), sample.tensors);
    const Checkpoint alone = Checkpoint::open_dummy(folder + "/config.json", 1);
    EXPECT_EQ(alone.name(), checkpoint.name());
    EXPECT_EQ(alone.sha256(), checkpoint.sha256());
  }
}

TEST(DummyCheckpoint, IsNamedByConfigurationSeedAndGenerator) {
  const std::string folder = RA_SOURCE "/samples/configs/Qwen3-8B";
  const std::string config = read_file(folder + "/config.json");
  const auto identity = [&](const std::string& seed) {
    return hex(sha256(hex(sha256(config)) + " repro-audit-dummy/1 seed " + seed + "\n"));
  };
  EXPECT_EQ(Checkpoint::open_dummy(folder, 1).sha256(), identity("1"));
  EXPECT_EQ(Checkpoint::open_dummy(folder, UINT64_MAX).sha256(), identity("18446744073709551615"));
  EXPECT_NE(identity("1"), identity("2"));
}

TEST(DummyCheckpoint, TakesTheTokenizerOfItsFolderAndLeavesItsWeights) {
  const Checkpoint checkpoint = Checkpoint::open_dummy(golden_path("qwen3-bf16"), 5);
  EXPECT_TRUE(checkpoint.tokenizer().present());
  EXPECT_THAT(checkpoint.warnings(), ElementsAre("the folder's own weights are not read"));
  const Checkpoint real = Checkpoint::open(golden_path("qwen3-bf16"));
  EXPECT_EQ(real.dummy_seed(), std::nullopt);
  EXPECT_FALSE(real.parts(Role::embed, 0).at(0).dummy.has_value());
  EXPECT_EQ(checkpoint.tensors().size(), real.tensors().size());
  EXPECT_NE(values_of(checkpoint, Role::o, 0, 0), values_of(real, Role::o, 0, 0));
  EXPECT_NE(checkpoint.sha256(), real.sha256());
}

TEST(DummyCheckpoint, RefusesWhatIsNoConfiguration) {
  CheckpointFolder folder;
  EXPECT_THAT(refusal([&] { Checkpoint::open_dummy(folder.path(), 1); }),
              HasSubstr("a folder without config.json"));
  EXPECT_THAT(refusal([&] { Checkpoint::open_dummy(folder.file("absent.json"), 1); }),
              HasSubstr("absent.json"));
  EXPECT_THAT(refusal([&] { Checkpoint::open_dummy(golden_path("gguf/llama-tied-q8_0.gguf"), 1); }),
              HasSubstr("llama-tied-q8_0.gguf@5: a NUL byte; expected valid JSON"));
  folder.write("config.json", tiny_config({{"hidden_act", R"("gelu")"}}));
  EXPECT_THAT(refusal([&] { Checkpoint::open_dummy(folder.path(), 1); }), HasSubstr("expected silu"));
}

}  // namespace
}  // namespace ra
