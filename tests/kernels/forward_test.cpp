// A whole forward pass of a small random model against the oracle, operation by operation, on every target.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <tuple>

#include "core/llm/model.h"
#include "kernels/ops.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/oracle_model.h"
#include "tests/support/tiny_model.h"

namespace ra {
namespace {

constexpr int kPositions = 384;

ModelShape llama() {
  ModelShape shape;
  shape.layers = 2;
  shape.hidden = 96;
  shape.heads = 6;
  shape.kv_heads = 2;
  shape.head_dim = 48;
  shape.ffn = 200;
  shape.vocab = 1100;
  shape.norm_eps = 1e-5f;
  shape.tied = true;
  shape.max_positions = kPositions;
  return shape;
}

// A norm of 1024 lanes, sums of more than one chunk, q and k norms, a head_dim that fills no vector, five query heads a
// KV head, a vocabulary that fills no tile.
ModelShape qwen3() {
  ModelShape shape;
  shape.layers = 1;
  shape.hidden = 2064;
  shape.heads = 5;
  shape.kv_heads = 1;
  shape.head_dim = 20;
  shape.ffn = 90;
  shape.vocab = 35;
  shape.norm_eps = 1e-6f;
  shape.qk_norm = true;
  shape.max_positions = kPositions;
  shape.rope.base = 1e6;
  return shape;
}

using Outputs = std::map<std::tuple<Role, int>, std::vector<std::byte>>;

OpHook keep(Outputs& outputs) {
  return [&outputs](const OpOutput& output) {
    outputs[{output.role, output.layer}].assign(output.bytes, output.bytes + output.rows * output.row_bytes);
  };
}

// Pages in descending order, so that an address made from a position alone is wrong.
struct Sequence {
  int slot = 0;
  std::vector<int32_t> pages;
};
Sequence sequence(int slot) {
  const int pages = kPositions / kPageKeys;
  Sequence s{slot, std::vector<int32_t>(pages)};
  for (int i = 0; i < pages; ++i) s.pages[i] = (slot + 1) * pages - 1 - i;
  return s;
}

StepInput step_of(const std::vector<std::pair<const Sequence*, std::pair<int, int>>>& slices, int vocab) {
  StepInput input;
  for (const auto& [s, place] : slices) {
    const auto& [position, rows] = place;
    input.slices.push_back({s->slot, position, rows, s->pages.data()});
    const std::vector<int32_t> tokens = random_tokens(s->slot + position, rows, vocab);
    input.tokens.insert(input.tokens.end(), tokens.begin(), tokens.end());
    input.logit_rows.push_back(static_cast<int32_t>(input.tokens.size()) - 1);
  }
  return input;
}

class Forward : public testing::TestWithParam<std::tuple<std::string, int, bool>> {};

TEST_P(Forward, EveryOperationEqualsTheOracle) {
  const auto& [device, threads, is_llama] = GetParam();
  const ModelShape shape = is_llama ? llama() : qwen3();
  const TinyModel model = random_model(shape, 7);
  const KernelSet set = find_kernel_set(device, "invariant");
  const auto ops = open_ops(device, shape, {set}, threads);
  load_model(model, *ops);
  ops->reserve({.rows = 300, .logit_rows = 4, .slots = 2, .pages = 2 * kPositions / kPageKeys});
  OracleModel oracle(model, kPositions);

  const Sequence a = sequence(0), b = sequence(1);
  const StepInput steps[] = {
      step_of({{&a, {0, 255}}, {&b, {0, 3}}}, shape.vocab),
      step_of({{&a, {255, 1}}, {&b, {3, 30}}}, shape.vocab),
      step_of({{&a, {256, 1}}}, shape.vocab),
      step_of({{&a, {257, 40}}, {&b, {33, 1}}}, shape.vocab),
  };
  for (size_t i = 0; i < std::size(steps); ++i) {
    Outputs actual, expected;
    ops->set_hook(keep(actual));
    ops->step(set, steps[i], [&] { forward(*ops, shape.layers); });
    const StepResult result = ops->next_result();
    const std::vector<HeadResult> heads = oracle.step(steps[i], keep(expected));
    ASSERT_EQ(actual.size(), expected.size());
    // The oracle shows the final norm of every row, a device that of the logit rows.
    std::vector<std::byte>& norms = expected.at({Role::final_norm, 0});
    const size_t row_bytes = norms.size() / steps[i].tokens.size();
    for (size_t r = 0; r < steps[i].logit_rows.size(); ++r)
      std::memmove(norms.data() + r * row_bytes, norms.data() + steps[i].logit_rows[r] * row_bytes,
                   row_bytes);
    norms.resize(steps[i].logit_rows.size() * row_bytes);
    for (const auto& [key, bytes] : expected) {
      const auto& [role, layer] = key;
      const Element type = role == Role::lm_head ? Element::fp32 : Element::bf16;
      const std::string what = std::string(role_name(role)) + " of layer " + std::to_string(layer) +
                               " in step " + std::to_string(i);
      ASSERT_TRUE(bitwise_equal(type, actual[key], bytes, what));
    }
    ASSERT_EQ(result.heads.size(), heads.size());
    for (size_t r = 0; r < heads.size(); ++r)
      ASSERT_TRUE(bitwise_equal(result.heads[r], heads[r], "head of step " + std::to_string(i)));
  }
  EXPECT_TRUE(bitwise_equal(ops->rope_table(), oracle.rope_table(), "RoPE's table"));
}

std::vector<std::string> devices() {
  std::vector<std::string> ids;
  for (const Device& device : available_devices()) ids.push_back(device.id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Targets, Forward,
                         testing::Combine(testing::ValuesIn(devices()), testing::Values(1, 2, 3),
                                          testing::Bool()));

}  // namespace
}  // namespace ra
