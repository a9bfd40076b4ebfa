// `invariant` against the oracle, bit for bit, operation by operation: whatever the rows, the places, the chunks, the
// pages and the threads, on every target that was generated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

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

// A model, and what the oracle says about its texts, each computed when it is first asked for.
class OracleCase {
 public:
  OracleCase(const ModelShape& shape, int long_length, oracle::SumOrder order)
      : weights_(random_model(shape, 11)),
        oracle_(weights_, shape.max_positions, order),
        long_length_(long_length) {}

  const TinyModel& weights() const { return weights_; }
  // Texts of 96 tokens; 0 is the anchor's.
  const OracleText& text(int number) { return made(number, 96); }
  const OracleText& long_text() { return made(99, long_length_); }

 private:
  const OracleText& made(int number, int length) {
    std::unique_ptr<OracleText>& text = texts_[number];
    if (!text)
      text = std::make_unique<OracleText>(oracle_, random_tokens(number, length, weights_.shape.vocab));
    return *text;
  }

  TinyModel weights_;
  OracleModel oracle_;
  int long_length_;
  std::map<int, std::unique_ptr<OracleText>> texts_;
};

// A case in the sum order of a device's class; one for each, made when it is first asked for.
using Cases = std::map<oracle::SumOrder, std::unique_ptr<OracleCase>>;

OracleCase& in_order_of(const std::string& device, Cases& cases, const ModelShape& shape, int long_length) {
  std::unique_ptr<OracleCase>& made = cases[order_of(device)];
  if (!made) made = std::make_unique<OracleCase>(shape, long_length, order_of(device));
  return *made;
}

// Every target that was generated, and every GPU; the default of the CPU is one of them.
std::vector<std::string> targets() {
  std::vector<std::string> ids = devices_with("invariant");
  if (ids.size() > 1) std::erase(ids, "cpu");
  return ids;
}

class Invariant : public testing::TestWithParam<std::string> {
 protected:
  OracleCase& tiny_case() { return made<0>(tiny_shape(), 1030); }
  OracleCase& smollm2_case() { return made<1>(smollm2_layer_shape(), 300); }
  OracleCase& qk_norm_case() { return made<2>(qk_norm_shape(), 530); }
  OracleCase& many_heads_case() { return made<4>(many_heads_shape(), 70); }
  OracleCase& bias_case() {
    ModelShape shape = bias_shape();
    if (!is_cpu()) {  // a GPU's kernels take these widths by eights, and heads of 32, 64 and 128
      shape.hidden = 144;
      shape.head_dim = 32;
      shape.ffn = 104;
    }
    return made<3>(shape, 530);
  }

  // Runs `body(device)` on the target with one thread and with two; on a GPU they only load.
  template <typename Body>
  void on_each_device(const TinyModel& weights, Body body) {
    for (const int threads : is_cpu() ? std::vector<int>{1, 2} : std::vector<int>{2}) {
      SCOPED_TRACE(fmt::format("{} threads", threads));
      CheckedDevice device(weights, GetParam(), "invariant", threads, kCapacity);
      body(device);
    }
  }

 private:
  static bool is_cpu() { return GetParam().starts_with("cpu"); }

  template <int kCase>
  OracleCase& made(const ModelShape& shape, int long_length) {
    static Cases cases;
    return in_order_of(GetParam(), cases, shape, long_length);
  }
};

enum class AnchorPlace { first, middle, last };

// A step of `rows` rows: the anchor's one, some of neighbours that decode, and prefills of ragged lengths.
std::vector<Piece> ragged_batch(OracleCase& oracle, int rows, AnchorPlace place) {
  std::vector<Piece> neighbours;
  int left = rows - 1;
  for (int i = 0; i < std::min(left / 2, kDecodingNeighbours); ++i) {
    neighbours.push_back({1 + i, &oracle.text(1 + i % 5), kDecodeContext, 1});
  }
  left -= static_cast<int>(neighbours.size());
  for (int slot = 100; left > 0; ++slot) {
    const int length = std::min(left, 1 + static_cast<int>((noise(rows, slot) + 1.0f) * 24.0f));
    neighbours.push_back({slot, &oracle.text(1 + slot % 5), 0, length});
    left -= length;
  }
  const size_t at = place == AnchorPlace::first    ? 0
                    : place == AnchorPlace::middle ? neighbours.size() / 2
                                                   : neighbours.size();
  neighbours.insert(neighbours.begin() + static_cast<ptrdiff_t>(at),
                    Piece{0, &oracle.text(0), kAnchorContext, 1});
  return neighbours;
}

constexpr AnchorPlace kPlaces[] = {AnchorPlace::first, AnchorPlace::middle, AnchorPlace::last};

// Steps of each number of rows, the anchor at each place; or at one of them, in turn.
testing::AssertionResult sweep_rows(CheckedDevice& device, OracleCase& oracle, const std::vector<int>& counts,
                                    bool every_place) {
  auto equal = device.feed(0, oracle.text(0), 0, kAnchorContext, kAnchorContext);
  for (int i = 0; i < kDecodingNeighbours && equal; ++i) {
    equal = device.feed(1 + i, oracle.text(1 + i % 5), 0, kDecodeContext, kDecodeContext);
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
  on_each_device(tiny_case().weights(),
                 [&](CheckedDevice& device) { EXPECT_TRUE(sweep_rows(device, tiny_case(), every, false)); });
}

TEST_P(Invariant, SmolLm2sShapesGiveTheOraclesBits) {
  const std::vector<int> counts = {1, 2, 3, 8, 9, 16, 17, 31, 33, 64, 65, 128, 255, 256, 257};
  on_each_device(smollm2_case().weights(), [&](CheckedDevice& device) {
    EXPECT_TRUE(sweep_rows(device, smollm2_case(), counts, true));
  });
}

TEST_P(Invariant, QkNormsAndHeadsOf128GiveTheOraclesBits) {
  on_each_device(qk_norm_case().weights(), [&](CheckedDevice& device) {
    EXPECT_TRUE(sweep_rows(device, qk_norm_case(), {1, 2, 5, 16, 33, 100, 257}, true));
  });
}

TEST_P(Invariant, ManyHeadsOf128GiveTheOraclesBits) {
  on_each_device(many_heads_case().weights(), [&](CheckedDevice& device) {
    EXPECT_TRUE(sweep_rows(device, many_heads_case(), {1, 127, 128, 257}, false));
  });
}

TEST_P(Invariant, BiasesAndScaledPositionsGiveTheOraclesBits) {
  on_each_device(bias_case().weights(), [&](CheckedDevice& device) {
    EXPECT_TRUE(sweep_rows(device, bias_case(), {1, 2, 3, 8, 17, 33, 100, 257}, true));
  });
}

TEST_P(Invariant, AChunkedPrefillIsAWholeOne) {
  for (OracleCase* oracle : {&smollm2_case(), &qk_norm_case(), &bias_case()}) {
    on_each_device(oracle->weights(), [&](CheckedDevice& device) {
      for (const int chunk : {300, 256, 255, 100, 65, 64, 7}) {
        ASSERT_TRUE(device.feed(0, oracle->long_text(), 0, 300, chunk)) << "chunks of " << chunk;
        device.release(0);
      }
    });
  }
}

TEST_P(Invariant, EveryContextUpTo70DecodesAsItPrefills) {
  on_each_device(tiny_case().weights(),
                 [&](CheckedDevice& device) { EXPECT_TRUE(device.feed(0, tiny_case().text(0), 0, 70, 1)); });
}

// More sequences times KV heads than a GPU has multiprocessors, each step at positions that hold no key yet.
TEST_P(Invariant, ManySequencesGrowingAcrossTilesAndSegmentsGiveTheOraclesBits) {
  for (OracleCase* oracle : {&tiny_case(), &smollm2_case()}) {
    on_each_device(oracle->weights(), [&](CheckedDevice& device) {
      std::vector<Piece> pieces;
      for (int slot = 0; slot < 72; ++slot) {
        const bool is_long = slot % 18 == 0;
        const OracleText& text = is_long ? oracle->long_text() : oracle->text(1 + slot % 5);
        const int context = is_long ? 253 : 59 + slot % 4;
        ASSERT_TRUE(device.feed(slot, text, 0, context, context));
        pieces.push_back({slot, &text, context, 1});
      }
      for (int grown = 0; grown < 6; ++grown) {
        ASSERT_TRUE(device.step(pieces)) << "step " << grown;
        for (Piece& piece : pieces) ++piece.position;
      }
    });
  }
}

TEST_P(Invariant, ContextsAcrossTilesAndSegmentsGiveTheOraclesBits) {
  for (OracleCase* oracle : {&tiny_case(), &qk_norm_case(), &bias_case()}) {
    const OracleText& text = oracle->long_text();
    on_each_device(oracle->weights(), [&](CheckedDevice& device) {
      ASSERT_TRUE(device.feed(0, text, 0, text.length(), 257));
      for (const int keys :
           {1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 319, 321, 511, 512, 513, 1023, 1024, 1025}) {
        if (keys > text.length()) break;
        ASSERT_TRUE(device.step({{0, &text, keys - 1, 1}})) << keys << " keys";
      }
    });
  }
}

TEST_P(Invariant, NestedPrefixesInOneBatchGiveTheOraclesBits) {
  const OracleText& text = tiny_case().long_text();
  std::vector<Piece> prefills, decodes;
  for (const int length : {257, 1, 64, 512, 63, 255, 65, 256, 2}) {
    const int slot = static_cast<int>(prefills.size());
    prefills.push_back({slot, &text, 0, length});
    decodes.push_back({slot, &text, length, 1});
  }
  on_each_device(tiny_case().weights(), [&](CheckedDevice& device) {
    EXPECT_TRUE(device.step(prefills));
    EXPECT_TRUE(device.step(decodes));
  });
}

TEST_P(Invariant, ARecomputedSequenceOnOthersPagesIsTheSame) {
  const OracleText &preempted = tiny_case().long_text(), &neighbour = tiny_case().text(1),
                   &third = tiny_case().text(2);
  on_each_device(tiny_case().weights(), [&](CheckedDevice& device) {
    ASSERT_TRUE(device.step({{0, &preempted, 0, 200}, {1, &neighbour, 0, 10}}));
    ASSERT_TRUE(device.step({{0, &preempted, 200, 1}, {1, &neighbour, 10, 1}}));
    device.release(0);
    ASSERT_TRUE(device.step({{2, &third, 0, 90}, {1, &neighbour, 11, 1}}));
    ASSERT_TRUE(device.step({{1, &neighbour, 12, 1}, {0, &preempted, 0, 201}, {2, &third, 90, 1}}));
    ASSERT_TRUE(device.step({{0, &preempted, 201, 1}, {1, &neighbour, 13, 1}}));
  });
}

TEST_P(Invariant, Fp32LogitsAreTheSums) {
  const ModelShape shape = smollm2_layer_shape();
  const TinyModel weights = random_model(shape, 12);
  OracleModel oracle(weights, shape.max_positions, order_of(GetParam()));
  oracle.set_fp32_logits(true);
  const OracleText text(oracle, random_tokens(5, 20, shape.vocab));
  on_each_device(weights, [&](CheckedDevice& device) {
    device.ops().set_fp32_logits(true);
    EXPECT_TRUE(device.feed(0, text, 0, 20, 3));
  });
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

// The cases side by side and each alone.
void expect_streams(CheckedDevice& device, const KernelSet& set, const std::vector<ExpectedStream>& streams) {
  std::vector<std::vector<const ExpectedStream*>> batches = {{}};
  for (const ExpectedStream& stream : streams) {
    batches[0].push_back(&stream);
    batches.push_back({&stream});
  }
  for (const auto& batch : batches) {
    const auto runs = greedy_runs(device.ops(), set, batch);
    for (size_t i = 0; i < runs.size(); ++i) {
      std::vector<uint64_t> digests;
      for (size_t step = 0; step < runs[i].size(); ++step) {
        ASSERT_TRUE(bitwise_equal(runs[i][step], batch[i]->steps[step],
                                  fmt::format("prompt of {} with {} others, step {}", batch[i]->prompt.size(),
                                              batch.size() - 1, step)));
        digests.push_back(runs[i][step].digest);
      }
      EXPECT_EQ(hex(run_digest(digests)), batch[i]->run_digest);
    }
  }
}

bool has_k16_golden(const std::string& name) {
  return name == "llama-tied-bf16" || name == "qwen2-bf16" || name == "qwen3-bf16";
}

void expect_equal(const std::vector<ExpectedStream>& actual, const std::vector<ExpectedStream>& golden) {
  ASSERT_EQ(actual.size(), golden.size());
  for (size_t i = 0; i < golden.size(); ++i)
    EXPECT_EQ(actual[i].run_digest, golden[i].run_digest) << "case " << i;
}

// The streams of the fixture's prompts as the oracle gives them in Hopper's order.
std::vector<ExpectedStream> oracle_streams(const TinyModel& weights,
                                           const std::vector<ExpectedStream>& cases) {
  OracleModel oracle(weights, weights.shape.max_positions, oracle::SumOrder::k16);
  std::vector<ExpectedStream> streams;
  for (const ExpectedStream& expected : cases) {
    const GreedyRun run = greedy_run(oracle, expected.prompt, static_cast<int>(expected.steps.size()));
    streams.push_back({expected.prompt, run.steps, hex(run_digest(run.digests()))});
  }
  return streams;
}

TEST_P(Invariant, StreamsEqualThoseOfAnotherImplementation) {
  const KernelSet set = find_kernel_set(GetParam(), "invariant");
  const bool is_k16 = order_of(GetParam()) == oracle::SumOrder::k16;
  for (const char* name :
       {"llama-tied-bf16", "llama3-scaled-fp32-sharded", "mistral-fp16", "qwen2-bf16", "qwen3-bf16"}) {
    SCOPED_TRACE(name);
    const TinyModel weights = read_fixture(name);
    std::vector<ExpectedStream> streams = read_expected_streams(name);
    ASSERT_EQ(streams.size(), 4u);
    if (is_k16) {
      streams = oracle_streams(weights, streams);
      if (has_k16_golden(name)) expect_equal(streams, read_expected_streams(name, oracle::SumOrder::k16));
    }
    on_each_device(weights, [&](CheckedDevice& device) { expect_streams(device, set, streams); });
  }
}

TEST(Gpu, IsAmongTheTestedDevices) {
  const std::vector<std::string> ids = targets();
  const bool found = std::ranges::any_of(ids, [](const std::string& id) { return id.starts_with("cuda:"); });
  if (!found) GTEST_SKIP() << "no GPU that the kernels run on: nothing here was tested on one";
}

INSTANTIATE_TEST_SUITE_P(Targets, Invariant, testing::ValuesIn(targets()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, ':', '_');
  return name;
});

}  // namespace
}  // namespace ra
