// The CPU as a device: its names, its bounds, its results' order, and what it says about itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>

#include "core/error.h"
#include "core/llm/model.h"
#include "kernels/ops.h"
#include "tests/support/tiny_model.h"

namespace ra {
namespace {

constexpr Capacity kCapacity = {.rows = 8, .logit_rows = 2, .slots = 2, .pages = 4};

ModelShape small() {
  ModelShape shape;
  shape.layers = 2;
  shape.hidden = 32;
  shape.heads = 2;
  shape.kv_heads = 1;
  shape.head_dim = 16;
  shape.ffn = 48;
  shape.vocab = 50;
  shape.norm_eps = 1e-5f;
  shape.tied = true;
  shape.max_positions = 200;
  return shape;
}

const KernelSet& invariant() {
  static const KernelSet set = find_kernel_set("cpu", "invariant");
  return set;
}

std::unique_ptr<Ops> open_small(int threads = 2) {
  auto ops = open_ops("cpu", small(), {invariant()}, threads);
  load_model(random_model(small(), 3), *ops);
  ops->reserve(kCapacity);
  return ops;
}

const int32_t kPages[] = {2, 0, 3, 1};

StepInput one_slice(int position, int rows) {
  StepInput input;
  input.slices = {{.slot = 0, .position = position, .rows = rows, .pages = kPages}};
  input.tokens = random_tokens(position, rows, small().vocab);
  input.logit_rows = {rows - 1};
  return input;
}

StepResult run(Ops& ops, const StepInput& input) {
  ops.step(invariant(), input, [&] { forward(ops, small().layers); });
  return ops.next_result();
}

Exit exit_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.status();
  }
  return Exit::ok;
}

TEST(CpuDevice, IsTheFirstAndEachTargetHasAName) {
  const std::vector<Device> devices = available_devices();
  ASSERT_GE(devices.size(), 2u);
  EXPECT_EQ(devices[0].id, "cpu");
  for (size_t i = 1; i < devices.size(); ++i) EXPECT_EQ(devices[i].id.rfind("cpu:", 0), 0u);
}

TEST(CpuDevice, AnUnknownNameIsAnErrorThatNamesTheKnownOnes) {
  for (const std::string name : {"cpu:sse4", "", "CPU", "cpu:"}) {
    try {
      open_ops(name, small(), {invariant()}, 1);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::device);
      for (const Device& device : available_devices())
        EXPECT_NE(std::string(error.what()).find(device.id), std::string::npos) << error.what();
    }
  }
}

TEST(CpuDevice, AGpuThatIsNotThereGetsASentenceThatSaysWhatWasFound) {
  for (const std::string name : {"cuda:999", "cuda:", "cuda", "cuda:x"}) {
    try {
      open_ops(name, small(), {invariant()}, 1);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Exit::device);
      EXPECT_EQ(error.what(), gpu_absence(name));
      EXPECT_EQ(std::string(error.what()).rfind("device '" + name + "': ", 0), 0u) << error.what();
      EXPECT_NE(std::string(error.what()).find("; expected "), std::string::npos) << error.what();
    }
  }
}

TEST(CpuDevice, RefusesWhatWasNotReserved) {
  const auto ops = open_small();
  const auto with = [&](const std::function<void(StepInput&)>& change) {
    StepInput input = one_slice(60, 6);
    change(input);
    return exit_of([&] { run(*ops, input); });
  };
  static const int32_t kBadPages[] = {2, 4}, kNegativePages[] = {-1, 0};
  EXPECT_EQ(with([](StepInput&) {}), Exit::ok);
  EXPECT_EQ(with([](StepInput& s) { s = one_slice(0, 9); }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].slot = 2; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].slot = -1; }), Exit::bug);
  const auto split = [](StepInput& s, int slot) {
    s = one_slice(60, 2);
    s.slices[0].rows = 1;
    s.slices.push_back({.slot = slot, .position = 61, .rows = 1, .pages = kPages});
  };
  EXPECT_EQ(with([&](StepInput& s) { split(s, 1); }), Exit::ok);
  EXPECT_EQ(with([&](StepInput& s) { split(s, 0); }), Exit::bug) << "two slices of a slot";
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].position = -1; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].rows = 0; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].pages = kBadPages; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].pages = kNegativePages; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].position = 195; }), Exit::bug) << "beyond max_positions";
  EXPECT_EQ(with([](StepInput& s) { s.slices[0].position = std::numeric_limits<int>::max(); }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.tokens[2] = 50; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.tokens[2] = -2; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.tokens.pop_back(); }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.logit_rows = {1, 2, 3}; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.logit_rows = {6}; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.logit_rows = {3, 3}; }), Exit::bug);
  EXPECT_EQ(with([](StepInput& s) { s.slices.clear(), s.tokens.clear(), s.logit_rows.clear(); }), Exit::bug);
  EXPECT_EQ(with([](StepInput&) {}), Exit::ok) << "a refused step leaves the device usable";
}

TEST(CpuDevice, ANextTokenIsOnlyThereAfterAHeadChoseIt) {
  const auto ops = open_small();
  StepInput input = one_slice(0, 1);
  input.tokens = {kNextToken};
  EXPECT_EQ(exit_of([&] { run(*ops, input); }), Exit::bug);

  StepInput prompt = one_slice(0, 5), next = one_slice(5, 1), chosen = one_slice(5, 1);
  const StepResult first = run(*ops, prompt);
  next.tokens = {kNextToken};
  const StepResult by_slot = run(*ops, next);
  chosen.tokens = {first.heads[0].top[0]};
  EXPECT_EQ(run(*ops, chosen).heads[0].digest, by_slot.heads[0].digest);
}

TEST(CpuDevice, OperationsOutsideAStepAndResultsWithoutOneAreRefused) {
  const auto ops = open_small();
  EXPECT_EQ(exit_of([&] { ops->embed(); }), Exit::bug);
  EXPECT_EQ(exit_of([&] { ops->project(0, Role::qkv); }), Exit::bug);
  EXPECT_EQ(exit_of([&] { ops->attend(0); }), Exit::bug);
  EXPECT_EQ(exit_of([&] { ops->next_result(); }), Exit::bug);
  EXPECT_EQ(exit_of([&] { run(*open_ops("cpu", small(), {invariant()}, 1), one_slice(0, 1)); }), Exit::bug)
      << "nothing loaded or reserved";
}

TEST(CpuDevice, ResultsComeInTheOrderOfTheirSteps) {
  const auto ops = open_small();
  const StepInput a = one_slice(0, 3), b = one_slice(3, 2);
  const uint64_t first = run(*ops, a).heads[0].digest, second = run(*ops, b).heads[0].digest;
  ASSERT_NE(first, second);
  for (const StepInput& input : {a, b}) ops->step(invariant(), input, [&] { forward(*ops, small().layers); });
  EXPECT_EQ(ops->next_result().heads[0].digest, first);
  EXPECT_EQ(ops->next_result().heads[0].digest, second);
}

TEST(CpuDevice, ReservingAgainChangesNoBits) {
  const auto ops = open_small();
  const HeadResult before = run(*ops, one_slice(0, 8)).heads[0];
  ops->reserve({.rows = 20, .logit_rows = 5, .slots = 9, .pages = 30});
  EXPECT_EQ(run(*ops, one_slice(0, 8)).heads[0].digest, before.digest);
  ops->reserve(kCapacity);
  EXPECT_EQ(run(*ops, one_slice(0, 8)).heads[0].digest, before.digest);
}

TEST(CpuDevice, MoreMemoryThanThereIsIsADeviceError) {
  ModelShape shape = small();
  shape.kv_heads = shape.heads = 1024;
  const auto ops = open_ops("cpu", shape, {invariant()}, 1);
  Capacity capacity = kCapacity;
  capacity.pages = std::numeric_limits<int>::max();
  EXPECT_EQ(exit_of([&] { ops->reserve(capacity); }), Exit::device);
  EXPECT_EQ(exit_of([&] { run(*ops, one_slice(0, 1)); }), Exit::bug) << "nothing is reserved then";
}

TEST(CpuDevice, AReadThatFailsInAThreadFailsTheLoad) {
  const auto ops = open_ops("cpu", small(), {invariant()}, 3);
  const RowSource broken = {32, 32,
                            [](int, int, float*) { throw Error(Exit::bad_input, "file: short read"); }};
  EXPECT_EQ(exit_of([&] { ops->load(Role::o, 0, {broken}); }), Exit::bad_input);
}

TEST(CpuDevice, AnInfinityInAnyRowThatARowSeesIsSaid) {
  const auto ops = open_small();
  ops->set_hook([](const OpOutput& output) {
    // An infinite value in row 1's v, which rows 1 and later read back from the cache.
    if (output.role == Role::qkv && output.layer == 0 && output.rows == 4)
      reinterpret_cast<uint16_t*>(output.row(1))[3 * 16] = 0x7f80;
  });
  StepInput input = one_slice(0, 4);
  input.logit_rows = {0, 3};
  const StepResult result = run(*ops, input);
  EXPECT_TRUE(result.heads[0].finite);
  EXPECT_FALSE(result.heads[1].finite);
  ops->set_hook({});
  EXPECT_FALSE(run(*ops, one_slice(4, 1)).heads[0].finite) << "from the cache, a step later";
}

TEST(CpuDevice, ChoiceSetsAreFewAndKeepTheirIds) {
  const auto ops = open_small();
  const int id = run(*ops, one_slice(0, 8)).choice_set;
  EXPECT_EQ(run(*ops, one_slice(8, 1)).choice_set, id) << "invariant chooses alike for any rows";
  StepInput silent = one_slice(9, 2);
  silent.logit_rows.clear();
  const StepResult result = run(*ops, silent);
  EXPECT_TRUE(result.heads.empty());
  EXPECT_NE(result.choice_set, id) << "no head was launched";
  EXPECT_EQ(ops->choice_set(id).at(Role::qkv).algorithm, Algorithm::fma_chain);
  EXPECT_EQ(ops->choice_set(result.choice_set).count(Role::lm_head), 0u);
}

TEST(CpuDevice, MemoryNeedCountsEveryLayoutOfTheSets) {
  const ModelShape shape = small();
  const KernelSet standard = find_kernel_set("cpu", "standard");
  // Packed bf16, outputs in tiles of 16: qkv 64 x 32, o 32 x 32, gate_up 96 x 32, down 32 x 48, embedding 64 x 32.
  const uint64_t layer = 64 * 32 + 32 * 32 + 96 * 32 + 32 * 48;
  EXPECT_EQ(memory_need("cpu", shape, {invariant()}, kCapacity).weights, (2 * layer + 64 * 32) * 2);
  const uint64_t copies = (2 * layer + 50 * 32) * 4;
  EXPECT_EQ(memory_need("cpu", shape, {standard, invariant()}, kCapacity).weights,
            (2 * layer + 64 * 32) * 2 + copies);
  ModelShape biased = shape;
  biased.qkv_bias = biased.o_bias = true;
  EXPECT_EQ(memory_need("cpu", biased, {invariant()}, kCapacity).weights,
            (2 * layer + 64 * 32) * 2 + 2 * (64 + 32) * 4);
  // Layers x pages x 64 keys x K and V x head_dim.
  EXPECT_EQ(memory_need("cpu", shape, {invariant()}, kCapacity).cache, 2u * 4 * 64 * 2 * 16 * 2);
}

TEST(CpuDevice, SaysWhatItRunsOn) {
  const auto facts = open_small()->environment();
  for (const char* key : {"processor", "instruction_set", "threads", "highway", "compiler", "floating_point"})
    EXPECT_FALSE(facts.at(key).empty()) << key;
  EXPECT_EQ(facts.at("threads"), "2");
  const auto versions = kernel_versions();
  EXPECT_TRUE(std::ranges::any_of(versions, [](const auto& fact) { return fact.first == "highway"; }));
}

}  // namespace
}  // namespace ra
