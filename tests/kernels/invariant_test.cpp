// `invariant` against the oracle, bit for bit, operation by operation: whatever the rows, the places, the chunks, the
// pages and the threads, on every target that was generated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <tuple>

#include "core/hash.h"
#include "core/llm/model.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/checked_device.h"
#include "tests/support/expected_stream.h"
#include "tests/support/small_shapes.h"

namespace ra {
namespace {

constexpr Capacity kCapacity{.rows = 2048, .logit_rows = 320, .slots = 320, .pages = 400};
constexpr int kAnchorContext = 70;  // keys before the anchor's row
constexpr int kDecodeContext = 66;  // and before each of its neighbours that decode
constexpr int kDecodingNeighbours = 16;

// A model, and what the oracle says about an anchor's text, its neighbours' and a long one. Computed once a process.
struct OracleCase {
  TinyModel weights;
  std::vector<OracleText> texts;  // of 96 tokens; the first is the anchor's
  std::unique_ptr<OracleText> long_text;
};

OracleCase make_case(const ModelShape& shape, int long_length) {
  OracleCase made{random_model(shape, 11), {}, nullptr};
  OracleModel oracle(made.weights, shape.max_positions);
  for (uint64_t text = 0; text < 6; ++text) {
    made.texts.emplace_back(oracle, random_tokens(text, 96, shape.vocab));
  }
  made.long_text = std::make_unique<OracleText>(oracle, random_tokens(99, long_length, shape.vocab));
  return made;
}

const OracleCase& tiny_case() {
  static const OracleCase made = make_case(tiny_shape(), 1030);
  return made;
}
const OracleCase& smollm2_case() {
  static const OracleCase made = make_case(smollm2_layer_shape(), 300);
  return made;
}
const OracleCase& qk_norm_case() {
  static const OracleCase made = make_case(qk_norm_shape(), 530);
  return made;
}

// Every target that was generated; the default device is one of them.
std::vector<std::string> targets() {
  std::vector<std::string> ids = devices_with("invariant");
  if (ids.size() > 1) std::erase(ids, "cpu");
  return ids;
}

// Each with one thread and with two.
class Invariant : public testing::TestWithParam<std::tuple<std::string, int>> {
 protected:
  CheckedDevice open(const OracleCase& oracle) { return open(oracle.weights); }
  CheckedDevice open(const TinyModel& weights) {
    return CheckedDevice(weights, std::get<0>(GetParam()), "invariant", std::get<1>(GetParam()), kCapacity);
  }
};

enum class AnchorPlace { first, middle, last };

// A step of `rows` rows: the anchor's one, some of neighbours that decode, and prefills of ragged lengths.
std::vector<Piece> ragged_batch(const OracleCase& oracle, int rows, AnchorPlace place) {
  std::vector<Piece> neighbours;
  int left = rows - 1;
  for (int i = 0; i < std::min(left / 2, kDecodingNeighbours); ++i) {
    neighbours.push_back({1 + i, &oracle.texts[1 + i % 5], kDecodeContext, 1});
  }
  left -= static_cast<int>(neighbours.size());
  for (int slot = 100; left > 0; ++slot) {
    const int length = std::min(left, 1 + static_cast<int>((noise(rows, slot) + 1.0f) * 24.0f));
    neighbours.push_back({slot, &oracle.texts[1 + slot % 5], 0, length});
    left -= length;
  }
  const size_t at = place == AnchorPlace::first    ? 0
                    : place == AnchorPlace::middle ? neighbours.size() / 2
                                                   : neighbours.size();
  neighbours.insert(neighbours.begin() + static_cast<ptrdiff_t>(at),
                    Piece{0, &oracle.texts[0], kAnchorContext, 1});
  return neighbours;
}

constexpr AnchorPlace kPlaces[] = {AnchorPlace::first, AnchorPlace::middle, AnchorPlace::last};

// Steps of each number of rows, the anchor at each place; or at one of them, in turn.
testing::AssertionResult sweep_rows(CheckedDevice& device, const OracleCase& oracle,
                                    const std::vector<int>& counts, bool every_place) {
  auto equal = device.feed(0, oracle.texts[0], 0, kAnchorContext, kAnchorContext);
  for (int i = 0; i < kDecodingNeighbours && equal; ++i) {
    equal = device.feed(1 + i, oracle.texts[1 + i % 5], 0, kDecodeContext, kDecodeContext);
  }
  for (const int rows : counts) {
    for (int place = 0; place < 3; ++place) {
      if (!equal) return equal;
      if (!every_place && place != rows % 3) continue;
      const std::vector<Piece> pieces = ragged_batch(oracle, rows, kPlaces[place]);
      equal = device.step(pieces);
      for (const Piece& piece : pieces) {
        if (piece.slot >= 100) device.release(piece.slot);
      }
    }
  }
  return equal;
}

TEST_P(Invariant, EveryNumberOfRowsUpTo257GivesTheOraclesBits) {
  std::vector<int> every(257);
  for (int i = 0; i < 257; ++i) every[i] = i + 1;
  CheckedDevice device = open(tiny_case());
  EXPECT_TRUE(sweep_rows(device, tiny_case(), every, false));
}

TEST_P(Invariant, SmolLm2sShapesGiveTheOraclesBits) {
  CheckedDevice device = open(smollm2_case());
  const std::vector<int> counts = {1, 2, 3, 8, 9, 16, 17, 31, 33, 64, 65, 128, 255, 256, 257};
  EXPECT_TRUE(sweep_rows(device, smollm2_case(), counts, true));
}

TEST_P(Invariant, QkNormsAndHeadsOf128GiveTheOraclesBits) {
  CheckedDevice device = open(qk_norm_case());
  EXPECT_TRUE(sweep_rows(device, qk_norm_case(), {1, 2, 5, 16, 33, 100, 257}, true));
}

TEST_P(Invariant, AChunkedPrefillIsAWholeOne) {
  for (const OracleCase* oracle : {&smollm2_case(), &qk_norm_case()}) {
    CheckedDevice device = open(*oracle);
    for (const int chunk : {300, 256, 255, 100, 65, 64, 7}) {
      ASSERT_TRUE(device.feed(0, *oracle->long_text, 0, 300, chunk)) << "chunks of " << chunk;
      device.release(0);
    }
  }
}

TEST_P(Invariant, EveryContextUpTo70DecodesAsItPrefills) {
  CheckedDevice device = open(tiny_case());
  EXPECT_TRUE(device.feed(0, *tiny_case().long_text, 0, 70, 1));
}

TEST_P(Invariant, ContextsAcrossTilesAndSegmentsGiveTheOraclesBits) {
  for (const OracleCase* oracle : {&tiny_case(), &qk_norm_case()}) {
    CheckedDevice device = open(*oracle);
    const OracleText& text = *oracle->long_text;
    ASSERT_TRUE(device.feed(0, text, 0, text.length(), 257));
    for (const int keys :
         {1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 319, 321, 511, 512, 513, 1023, 1024, 1025}) {
      if (keys > text.length()) break;
      ASSERT_TRUE(device.step({{0, &text, keys - 1, 1}})) << keys << " keys";
    }
  }
}

TEST_P(Invariant, NestedPrefixesInOneBatchGiveTheOraclesBits) {
  CheckedDevice device = open(tiny_case());
  std::vector<Piece> prefills, decodes;
  for (const int length : {257, 1, 64, 512, 63, 255, 65, 256, 2}) {
    const int slot = static_cast<int>(prefills.size());
    prefills.push_back({slot, tiny_case().long_text.get(), 0, length});
    decodes.push_back({slot, tiny_case().long_text.get(), length, 1});
  }
  EXPECT_TRUE(device.step(prefills));
  EXPECT_TRUE(device.step(decodes));
}

TEST_P(Invariant, ARecomputedSequenceOnOthersPagesIsTheSame) {
  const OracleCase& oracle = tiny_case();
  CheckedDevice device = open(oracle);
  const OracleText &preempted = *oracle.long_text, &neighbour = oracle.texts[1];
  ASSERT_TRUE(device.step({{0, &preempted, 0, 200}, {1, &neighbour, 0, 10}}));
  ASSERT_TRUE(device.step({{0, &preempted, 200, 1}, {1, &neighbour, 10, 1}}));
  device.release(0);
  ASSERT_TRUE(device.step({{2, &oracle.texts[2], 0, 90}, {1, &neighbour, 11, 1}}));
  ASSERT_TRUE(device.step({{1, &neighbour, 12, 1}, {0, &preempted, 0, 201}, {2, &oracle.texts[2], 90, 1}}));
  ASSERT_TRUE(device.step({{0, &preempted, 201, 1}, {1, &neighbour, 13, 1}}));
}

TEST_P(Invariant, Fp32LogitsAreTheSums) {
  const ModelShape shape = smollm2_layer_shape();
  const TinyModel weights = random_model(shape, 12);
  OracleModel oracle(weights, shape.max_positions);
  oracle.set_fp32_logits(true);
  const OracleText text(oracle, random_tokens(5, 20, shape.vocab));
  CheckedDevice device = open(weights);
  device.ops().set_fp32_logits(true);
  EXPECT_TRUE(device.feed(0, text, 0, 20, 3));
}

// Greedy runs of the cases' prompts side by side, each from the device's own choices.
std::vector<std::vector<HeadResult>> greedy_runs(Ops& ops, const KernelSet& set,
                                                 const std::vector<const ExpectedStream*>& cases) {
  constexpr int kPagesASlot = 16;
  std::vector<std::vector<int32_t>> pages(cases.size(), std::vector<int32_t>(kPagesASlot));
  for (size_t slot = 0; slot < cases.size(); ++slot) {
    for (int page = 0; page < kPagesASlot; ++page) {
      pages[slot][page] = static_cast<int32_t>(page * cases.size() + slot);  // interleaved
    }
  }
  std::vector<std::vector<HeadResult>> runs(cases.size());
  for (size_t step = 0;; ++step) {
    StepInput input;
    std::vector<size_t> alive;
    for (size_t slot = 0; slot < cases.size(); ++slot) {
      if (step >= cases[slot]->steps.size()) continue;
      alive.push_back(slot);
      const int length = static_cast<int>(cases[slot]->prompt.size());
      const int position = step == 0 ? 0 : length + static_cast<int>(step) - 1;
      input.slices.push_back({static_cast<int>(slot), position, step == 0 ? length : 1, pages[slot].data()});
      if (step == 0) {
        input.tokens.insert(input.tokens.end(), cases[slot]->prompt.begin(), cases[slot]->prompt.end());
      } else {
        input.tokens.push_back(kNextToken);
      }
      input.logit_rows.push_back(static_cast<int32_t>(input.tokens.size()) - 1);
    }
    if (alive.empty()) return runs;
    ops.step(set, input, [&] { forward(ops, ops.shape().layers); });
    const StepResult result = ops.next_result();
    for (size_t i = 0; i < alive.size(); ++i) runs[alive[i]].push_back(result.heads.at(i));
  }
}

TEST_P(Invariant, StreamsEqualThoseOfAnotherImplementation) {
  for (const char* name : {"llama-tied-bf16", "llama3-scaled-fp32-sharded", "qwen3-bf16"}) {
    const TinyModel weights = read_fixture(name);
    const std::vector<ExpectedStream> streams = read_expected_streams(name);
    const std::string device_id = std::get<0>(GetParam());
    const KernelSet set = find_kernel_set(device_id, "invariant");
    const std::unique_ptr<Ops> ops = open_ops(device_id, weights.shape, {set}, std::get<1>(GetParam()));
    load_model(weights, *ops);
    ops->reserve({.rows = 600, .logit_rows = 4, .slots = 4, .pages = 64});
    std::vector<std::vector<const ExpectedStream*>> batches = {{}};
    for (const ExpectedStream& stream : streams) {
      batches[0].push_back(&stream);
      batches.push_back({&stream});
    }
    for (const auto& batch : batches) {
      const auto runs = greedy_runs(*ops, set, batch);
      for (size_t i = 0; i < runs.size(); ++i) {
        std::vector<uint64_t> digests;
        for (size_t step = 0; step < runs[i].size(); ++step) {
          ASSERT_TRUE(bitwise_equal(runs[i][step], batch[i]->steps[step],
                                    fmt::format("{}, prompt of {} with {} others, step {}", name,
                                                batch[i]->prompt.size(), batch.size() - 1, step)));
          digests.push_back(runs[i][step].digest);
        }
        EXPECT_EQ(hex(run_digest(digests)), batch[i]->run_digest);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Invariant,
                         testing::Combine(testing::ValuesIn(targets()), testing::Values(1, 2)),
                         [](const auto& test) {
                           std::string name =
                               fmt::format("{}_threads_{}", std::get<0>(test.param), std::get<1>(test.param));
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace ra
