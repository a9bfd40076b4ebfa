// The engine on golden checkpoints: `reference` against an independent fp32 implementation, `invariant`
// against an independent implementation of the numerics, bit for bit, whatever the schedule.
#include "core/llm/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/hash.h"
#include "core/llm/model.h"
#include "tests/support/golden.h"
#include "tests/support/loaded_model.h"

namespace ra {
namespace {

const std::atomic<bool> kNeverStop{false};

struct GoldenCheckpoint {
  const char* name;   // of the folder with golden.json and golden_logits.safetensors
  const char* model;  // what is opened
  const char* golden;
};
std::ostream& operator<<(std::ostream& out, const GoldenCheckpoint& checkpoint) {
  return out << checkpoint.model;
}

class ReferenceGolden : public testing::TestWithParam<GoldenCheckpoint> {};
INSTANTIATE_TEST_SUITE_P(
    Fixtures, ReferenceGolden,
    testing::Values(GoldenCheckpoint{"llama-tied-bf16", "llama-tied-bf16", "llama-tied-bf16/golden.json"},
                    GoldenCheckpoint{"llama3-scaled-fp32-sharded", "llama3-scaled-fp32-sharded",
                                     "llama3-scaled-fp32-sharded/golden.json"},
                    GoldenCheckpoint{"mistral-fp16", "mistral-fp16", "mistral-fp16/golden.json"},
                    GoldenCheckpoint{"qwen2-bf16", "qwen2-bf16", "qwen2-bf16/golden.json"},
                    GoldenCheckpoint{"qwen3-bf16", "qwen3-bf16", "qwen3-bf16/golden.json"},
                    GoldenCheckpoint{"llama-tied-bf16", "gguf/llama-tied-bf16.gguf",
                                     "llama-tied-bf16/golden.json"},
                    GoldenCheckpoint{"qwen3-bf16", "gguf/qwen3-bf16.gguf", "qwen3-bf16/golden.json"},
                    GoldenCheckpoint{"", "gguf/llama-tied-q8_0.gguf", "gguf/golden_llama-tied-q8_0.json"}));

TEST_P(ReferenceGolden, EveryGreedyTokenEqualsTheGoldenOne) {
  LoadedModel model(golden_path(GetParam().model), {"reference"});
  const Json golden = golden_json(GetParam().golden);
  std::vector<std::vector<int32_t>> texts, greedy;
  Trial trial;
  for (const Json& entry : member(golden, "cases").array("cases")) {
    texts.push_back(ids_of(member(entry, "prompt")));
    greedy.push_back(ids_of(member(entry, "greedy")));
    trial.sequences.push_back(planned_run(texts, static_cast<int32_t>(texts.size()) - 1,
                                          static_cast<int32_t>(greedy.back().size())));
  }
  Engine engine = model.engine(0);
  const TrialResult result = engine.run(trial, texts, kNeverStop);
  ASSERT_FALSE(result.failed) << result.failure;
  ASSERT_EQ(result.sequences.size(), greedy.size());
  for (size_t i = 0; i < greedy.size(); ++i) EXPECT_EQ(result.sequences[i].tokens, greedy[i]) << "case " << i;
}

TEST_P(ReferenceGolden, EveryPromptPositionsLogitsLieWithinTheStatedShareOfTheirRange) {
  if (*GetParam().name == 0) return;  // this fixture comes without logits
  LoadedModel model(golden_path(GetParam().model), {"reference"});
  const Json golden = golden_json(GetParam().golden);
  const int vocab = model.ops->shape().vocab;
  size_t number = 0;
  for (const Json& entry : member(golden, "cases").array("cases")) {
    const std::vector<int32_t> prompt = ids_of(member(entry, "prompt"));
    const GoldenTensor logits = golden_tensor(std::string(GetParam().name) + "/golden_logits.safetensors",
                                              "logits." + std::to_string(number++));
    const int rows = static_cast<int>(prompt.size());
    ASSERT_EQ(logits.shape, (std::vector<int64_t>{rows, vocab}));
    const auto [low, high] = std::minmax_element(logits.values.begin(), logits.values.end());
    const double tolerance = 2e-4 * (*high - *low);
    const std::vector<int32_t> pages{0, 1};
    StepInput input{.slices = {{.slot = 0, .position = 0, .rows = rows, .pages = pages.data()}},
                    .tokens = prompt};
    for (int r = 0; r < rows; ++r) input.logit_rows.push_back(r);
    model.ops->step(model.sets[0], input, [&] { forward(*model.ops, model.ops->shape().layers); });
    model.ops->next_result();
    std::vector<float> row(static_cast<size_t>(vocab));
    double worst = 0;
    for (int r = 0; r < rows; ++r) {
      model.ops->read_logits(r, row.data());
      for (int v = 0; v < vocab; ++v) {
        worst = std::max(worst, std::abs(static_cast<double>(row[static_cast<size_t>(v)]) -
                                         logits.values[static_cast<size_t>(r) * vocab + v]));
      }
    }
    EXPECT_LE(worst, tolerance) << "case " << number - 1;
  }
}

// What another implementation of the numerics gave for a checkpoint's four cases.
struct NumericsGolden {
  std::vector<std::vector<int32_t>> prompts;
  std::vector<SequenceResult> results;
  std::vector<std::string> run_digests;
};

NumericsGolden numerics_golden(const std::string& name) {
  NumericsGolden golden;
  const Json file = golden_json("numerics/" + name + ".fma.json");
  for (const Json& entry : member(file, "cases").array("cases")) {
    golden.prompts.push_back(ids_of(member(entry, "prompt")));
    SequenceResult result{.index = static_cast<int32_t>(golden.results.size())};
    result.tokens = ids_of(member(entry, "tokens"));
    const std::vector<int32_t> second = ids_of(member(entry, "second"));
    const Json::Array& top = member(entry, "top").array("top");
    const Json::Array& digests = member(entry, "digests").array("digests");
    for (size_t s = 0; s < result.tokens.size(); ++s) {
      const Json::Array& values = top.at(s).array("values");
      result.steps.push_back({.top = {result.tokens[s], second[s]},
                              .value = {static_cast<float>(values.at(0).number("value")),
                                        static_cast<float>(values.at(1).number("value"))},
                              .accumulator = {static_cast<float>(values.at(2).number("value")),
                                              static_cast<float>(values.at(3).number("value"))},
                              .digest = std::stoull(digests.at(s).string("digest"), nullptr, 16)});
    }
    golden.results.push_back(std::move(result));
    golden.run_digests.push_back(member(entry, "run_digest").string("run_digest"));
  }
  return golden;
}

Hash128 digest_of(const SequenceResult& result) {
  std::vector<uint64_t> digests;
  for (const StepRecord& step : result.steps) digests.push_back(step.digest);
  return run_digest(digests);
}

void expect_golden(const NumericsGolden& golden, const TrialResult& result) {
  ASSERT_FALSE(result.failed) << result.failure;
  for (const SequenceResult& sequence : result.sequences) {
    const SequenceResult& expected = golden.results.at(static_cast<size_t>(sequence.index));
    EXPECT_EQ(sequence.tokens, expected.tokens) << "case " << sequence.index;
    ASSERT_EQ(sequence.steps.size(), expected.steps.size());
    for (size_t s = 0; s < expected.steps.size(); ++s) {
      ASSERT_EQ(sequence.steps[s], expected.steps[s]) << "case " << sequence.index << ", step " << s;
    }
    EXPECT_EQ(hex(digest_of(sequence)), golden.run_digests.at(static_cast<size_t>(sequence.index)));
  }
}

class InvariantGolden : public testing::TestWithParam<GoldenCheckpoint> {};
INSTANTIATE_TEST_SUITE_P(Fixtures, InvariantGolden,
                         testing::Values(GoldenCheckpoint{"llama-tied-bf16", "llama-tied-bf16", ""},
                                         GoldenCheckpoint{"llama3-scaled-fp32-sharded",
                                                          "llama3-scaled-fp32-sharded", ""},
                                         GoldenCheckpoint{"mistral-fp16", "mistral-fp16", ""},
                                         GoldenCheckpoint{"qwen2-bf16", "qwen2-bf16", ""},
                                         GoldenCheckpoint{"qwen3-bf16", "qwen3-bf16", ""},
                                         GoldenCheckpoint{"llama-tied-bf16", "gguf/llama-tied-bf16.gguf", ""},
                                         GoldenCheckpoint{"qwen3-bf16", "gguf/qwen3-bf16.gguf", ""}));

TEST_P(InvariantGolden, EveryTokenValueAndDigestHasTheGoldenBitsOnEveryTargetWithOneThreadAndWithTwo) {
  const NumericsGolden golden = numerics_golden(GetParam().name);
  Trial together;
  for (size_t i = 0; i < golden.prompts.size(); ++i) {
    together.sequences.push_back(planned_run(golden.prompts, static_cast<int32_t>(i),
                                             static_cast<int32_t>(golden.results[i].tokens.size())));
  }
  for (const Device& device : available_devices()) {
    for (int threads : {1, 2}) {
      SCOPED_TRACE(device.id + ", threads " + std::to_string(threads));
      LoadedModel model(golden_path(GetParam().model), {"invariant"}, device.id, threads);
      expect_golden(golden, model.engine(0).run(together, golden.prompts, kNeverStop));
    }
  }
}

TEST_P(InvariantGolden, AloneStaggeredChunkedAndPreemptedRunsHaveTheSameBits) {
  const NumericsGolden golden = numerics_golden(GetParam().name);
  LoadedModel model(golden_path(GetParam().model), {"invariant"});
  Engine engine = model.engine(0);
  Trial varied;
  for (int32_t copy = 0; copy < 3; ++copy) {
    for (int32_t i = 0; i < static_cast<int32_t>(golden.prompts.size()); ++i) {
      const int32_t steps = static_cast<int32_t>(golden.results[static_cast<size_t>(i)].tokens.size());
      PlannedSequence run = planned_run(golden.prompts, i, steps, copy * 5 + i);
      if (copy == 1 && run.prompt_length > 1) {
        run.chunks = {1, run.prompt_length / 2, run.prompt_length - 1 - run.prompt_length / 2};
        std::erase(run.chunks, 0);
      }
      if (copy == 2) run.preemptions = {{.after = 3, .pause = 2}, {.after = 11, .pause = 0}};
      if (copy == 0) {
        expect_golden(golden, engine.run({.sequences = {run}}, golden.prompts, kNeverStop));
      }
      varied.sequences.push_back(run);
    }
  }
  expect_golden(golden, engine.run(varied, golden.prompts, kNeverStop));
}

class EngineOnATinyModel : public testing::Test {
 protected:
  std::vector<std::vector<int32_t>> texts{{168, 3, 77}};
  LoadedModel model{golden_path("llama-tied-bf16"), {"invariant", "standard"}};
};

TEST_F(EngineOnATinyModel, AStopTokenEndsTheStreamButNotTheSlot) {
  Trial trial{.sequences = {planned_run(texts, 0, 20)}};
  const TrialResult free = model.engine(0).run(trial, texts, kNeverStop);
  const int32_t stop = free.sequences[0].tokens[4];
  const size_t first =
      static_cast<size_t>(std::find(free.sequences[0].tokens.begin(), free.sequences[0].tokens.end(), stop) -
                          free.sequences[0].tokens.begin());
  const TrialResult stopped = model.engine(0, {stop}).run(trial, texts, kNeverStop);
  EXPECT_EQ(stopped.sequences[0].end, EndReason::stop);
  EXPECT_EQ(stopped.sequences[0].tokens.size(), first + 1);
  EXPECT_EQ(stopped.sequences[0].tokens.back(), stop);
  EXPECT_EQ(stopped.launches.size(), free.launches.size());
}

TEST_F(EngineOnATinyModel, AProbeFollowsItsTextAndKeepsEveryStep) {
  texts.push_back({5, 6, 7, 8, 9, 10});
  Trial trial{.sequences = {planned_run(texts, 0, 3)}};
  trial.sequences.push_back(
      {.kind = SequenceKind::probe, .index = 0, .text = 1, .prompt_length = 2, .steps = 4, .arrival = 1});
  trial.sequences.push_back(
      {.kind = SequenceKind::companion, .index = 0, .text = 1, .offset = 1, .prompt_length = 2, .steps = 2});
  const TrialResult result = model.engine(0).run(trial, texts, kNeverStop);
  ASSERT_FALSE(result.failed) << result.failure;
  ASSERT_EQ(result.sequences.size(), 2u) << "companions leave nothing behind";
  EXPECT_TRUE(result.sequences[1].tokens.empty());
  ASSERT_EQ(result.sequences[1].steps.size(), 4u);
  // The probe's last step is what a run of the same six tokens less one sees first.
  const std::vector<std::vector<int32_t>> prefix{{5, 6, 7, 8, 9}};
  const TrialResult alone =
      model.engine(0).run({.sequences = {planned_run(prefix, 0, 1)}}, prefix, kNeverStop);
  EXPECT_EQ(result.sequences[1].steps[3], alone.sequences[0].steps[0]);
}

TEST_F(EngineOnATinyModel, LaunchesAreWhatTheScheduleSays) {
  Trial trial;
  for (int32_t arrival : {0, 0, 2, 9}) trial.sequences.push_back(planned_run(texts, 0, 12, arrival));
  for (size_t set : {0u, 1u}) {
    const TrialResult result = model.engine(set).run(trial, texts, kNeverStop);
    const std::vector<ScheduledStep> steps = schedule(trial, 2048);
    ASSERT_EQ(result.launches.size(), steps.size());
    for (size_t s = 0; s < steps.size(); ++s) {
      int32_t rows = 0;
      for (const ScheduledSlice& slice : steps[s]) rows += slice.rows;
      EXPECT_EQ(result.launches[s].rows, rows);
      EXPECT_FALSE(result.choice_sets.at(static_cast<size_t>(result.launches[s].choice_set)).empty());
    }
  }
}

TEST_F(EngineOnATinyModel, AFinishedOrPreemptedSequenceGivesItsPagesBack) {
  model.reserve({.rows = 256, .logit_rows = 8, .slots = 8, .pages = 1});
  Trial trial{.sequences = {planned_run(texts, 0, 4), planned_run(texts, 0, 4, 6)}};
  trial.sequences[1].preemptions = {{.after = 2, .pause = 3}};
  trial.sequences.push_back(planned_run(texts, 0, 2, 9));
  const TrialResult result = model.engine(0).run(trial, texts, kNeverStop);
  EXPECT_FALSE(result.failed) << result.failure;
}

TEST_F(EngineOnATinyModel, TooFewPagesIsAFailedTrialAndTheNextOneRuns) {
  model.reserve({.rows = 256, .logit_rows = 8, .slots = 8, .pages = 2});
  Trial wide;
  for (int i = 0; i < 3; ++i) wide.sequences.push_back(planned_run(texts, 0, 4));
  Engine engine = model.engine(0);
  const TrialResult failed = engine.run(wide, texts, kNeverStop);
  EXPECT_TRUE(failed.failed);
  EXPECT_NE(failed.failure.find("no free page"), std::string::npos) << failed.failure;
  EXPECT_FALSE(engine.run({.sequences = {planned_run(texts, 0, 4)}}, texts, kNeverStop).failed);
}

TEST_F(EngineOnATinyModel, CertificationHoldsForInvariantAndRecordsStandard) {
  const Certificate invariant = certify(*model.ops, model.sets[0]);
  const Certificate standard = certify(*model.ops, model.sets[1]);
  EXPECT_EQ(invariant.outputs.at("qkv").size(), 1u) << "one sum order whatever the rows";
  EXPECT_GT(standard.outputs.at("qkv").size(), 1u);
  EXPECT_EQ(invariant.outputs.size(), standard.outputs.size());
}

// A device whose kernels are right as long as a hook looks at each operation, and else depend on the rows beside.
class RightWhileWatched : public Ops {
 public:
  explicit RightWhileWatched(Ops& real) : real_(real) {}
  void step(const KernelSet& set, const StepInput& input, const std::function<void()>& body) override {
    is_wrong_ = !is_watched_ && input.tokens.size() > 1;
    real_.step(set, input, body);
  }
  StepResult next_result() override {
    StepResult result = real_.next_result();
    for (HeadResult& head : result.heads) head.digest ^= is_wrong_ ? 1 : 0;
    return result;
  }
  void set_hook(OpHook hook) override {
    is_watched_ = static_cast<bool>(hook);
    real_.set_hook(std::move(hook));
  }
  const ModelShape& shape() const override { return real_.shape(); }
  void load(Role role, int layer, const Parts& parts) override { real_.load(role, layer, parts); }
  void reserve(const Capacity& capacity) override { real_.reserve(capacity); }
  void embed() override { real_.embed(); }
  void add_norm(int layer, Role role) override { real_.add_norm(layer, role); }
  void project(int layer, Role role) override { real_.project(layer, role); }
  void qk_norm_rope_store(int layer) override { real_.qk_norm_rope_store(layer); }
  void attend(int layer) override { real_.attend(layer); }
  void swiglu(int layer) override { real_.swiglu(layer); }
  void head() override { real_.head(); }
  const ChoiceSet& choice_set(int id) const override { return real_.choice_set(id); }
  void read_logits(int row, float* out) const override { real_.read_logits(row, out); }
  void set_fp32_logits(bool on) override { real_.set_fp32_logits(on); }
  std::map<std::string, std::string> environment() const override { return real_.environment(); }
  const std::vector<float>& rope_table() const override { return real_.rope_table(); }

 private:
  Ops& real_;
  bool is_watched_ = false, is_wrong_ = false;
};

TEST_F(EngineOnATinyModel, CertificationRunsStepsAsTrialsDoToo) {
  RightWhileWatched ops(*model.ops);
  EXPECT_NO_THROW(certify(ops, model.sets[1])) << "nothing is promised there";
  try {
    certify(ops, model.sets[0]);
    ADD_FAILURE() << "certified";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Exit::device);
    EXPECT_NE(std::string(error.what()).find("2 rows, place 1, all operations unobserved"), std::string::npos)
        << error.what();
  }
}

// Must fail: a set that promises what `standard` cannot keep is refused. Tiny products may well agree in all
// orders, so this one has SmolLM2's sizes where that model is at hand.
TEST(Certify, RefusesASetThatPromisesInvarianceAndDoesNotKeepIt) {
  const std::string path = sample_model();
  if (path.empty()) GTEST_SKIP() << "the sample model is not on this machine";
  LoadedModel model(path, {"standard"});
  KernelSet promising = model.sets[0];
  promising.sum_order_class = "cpu-fma512/1";
  EXPECT_THROW(certify(*model.ops, promising), Error);
}

}  // namespace
}  // namespace ra
