// The reference against a forward pass of its own kind: plain loops in double over whole sequences, without a cache.
#include "kernels/cpu/reference_ops.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/llm/model.h"
#include "kernels/cpu/reference_kernels.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/tiny_model.h"

namespace ra {
namespace {

using Vector = std::vector<double>;

ModelShape llama() {
  ModelShape shape;
  shape.layers = 2, shape.hidden = 48, shape.heads = 6, shape.kv_heads = 2, shape.head_dim = 8,
  shape.ffn = 100;
  shape.vocab = 1031, shape.norm_eps = 1e-5f, shape.tied = true, shape.max_positions = 512;
  return shape;
}

ModelShape qwen3() {
  ModelShape shape = llama();
  shape.head_dim = 20, shape.qk_norm = true, shape.tied = false, shape.norm_eps = 1e-6f,
  shape.rope.base = 1e6;
  return shape;
}

ModelShape llama3() {
  ModelShape shape = llama();
  shape.rope = {RopeSpec::Scaling::llama3, 500000.0, 8.0, 1.0, 4.0, 64};
  return shape;
}

ModelShape biased() {
  ModelShape shape = llama();
  shape.qkv_bias = shape.o_bias = true;
  shape.rope = {RopeSpec::Scaling::linear, 10000.0, 4.0};
  return shape;
}

Vector multiply(const std::vector<TinyWeight>& parts, const Vector& x) {
  Vector y;
  for (const TinyWeight& part : parts) {
    for (int n = 0; n < part.rows; ++n) {
      double sum = part.bias.empty() ? 0 : part.bias[n];
      for (int k = 0; k < part.columns; ++k)
        sum += part.values[static_cast<size_t>(n) * part.columns + k] * x[k];
      y.push_back(sum);
    }
  }
  return y;
}

Vector norm(const TinyWeight& weight, const double* x, float eps) {
  double squares = 0;
  for (int i = 0; i < weight.columns; ++i) squares += x[i] * x[i];
  Vector y(weight.columns);
  for (int i = 0; i < weight.columns; ++i) {
    y[i] = x[i] / std::sqrt(squares / weight.columns + eps) * weight.values[i];
  }
  return y;
}

// Llama 3.1's rescaling of long wavelengths, as its authors published it.
double frequency(const RopeSpec& spec, int pair, int head_dim) {
  const double plain = std::pow(spec.base, -2.0 * pair / head_dim);
  if (spec.scaling == RopeSpec::Scaling::none) return plain;
  if (spec.scaling == RopeSpec::Scaling::linear) return plain / spec.factor;
  const double wavelength = 2 * M_PI / plain;
  if (wavelength < spec.original_positions / spec.high_frequency_factor) return plain;
  if (wavelength > spec.original_positions / spec.low_frequency_factor) return plain / spec.factor;
  const double smooth = (spec.original_positions / wavelength - spec.low_frequency_factor) /
                        (spec.high_frequency_factor - spec.low_frequency_factor);
  return (1 - smooth) * plain / spec.factor + smooth * plain;
}

// Logits of every position of `tokens`.
std::vector<Vector> plain_forward(const TinyModel& model, const std::vector<int32_t>& tokens) {
  const ModelShape& s = model.shape;
  const int dim = s.head_dim, q_width = s.heads * dim, kv_width = s.kv_heads * dim;
  const TinyWeight& embedding = model.parts(Role::embed)[0];
  std::vector<Vector> h;
  for (int32_t token : tokens) {
    const auto row = embedding.values.begin() + static_cast<ptrdiff_t>(token) * s.hidden;
    h.emplace_back(row, row + s.hidden);
  }
  for (int layer = 0; layer < s.layers; ++layer) {
    std::vector<Vector> qkv;
    for (size_t p = 0; p < h.size(); ++p) {
      qkv.push_back(multiply(model.parts(Role::qkv, layer),
                             norm(model.parts(Role::attention_norm, layer)[0], h[p].data(), s.norm_eps)));
      for (int head = 0; head < s.heads + s.kv_heads; ++head) {
        double* v = qkv[p].data() + head * dim;
        if (s.qk_norm) {
          const Vector y =
              norm(model.parts(Role::qk_norm_rope, layer)[head < s.heads ? 0 : 1], v, s.norm_eps);
          std::copy(y.begin(), y.end(), v);
        }
        for (int j = 0; j < dim / 2; ++j) {
          const double angle = static_cast<double>(p) * frequency(s.rope, j, dim);
          const double a = v[j], b = v[j + dim / 2];
          v[j] = a * std::cos(angle) - b * std::sin(angle);
          v[j + dim / 2] = b * std::cos(angle) + a * std::sin(angle);
        }
      }
    }
    for (size_t p = 0; p < h.size(); ++p) {
      Vector out(q_width, 0.0);
      for (int head = 0; head < s.heads; ++head) {
        const int kv = q_width + head / (s.heads / s.kv_heads) * dim;
        Vector weight(p + 1);
        double total = 0;
        for (size_t i = 0; i <= p; ++i) {
          double score = 0;
          for (int d = 0; d < dim; ++d) score += qkv[p][head * dim + d] * qkv[i][kv + d];
          total += weight[i] = std::exp(score / std::sqrt(dim));
        }
        for (size_t i = 0; i <= p; ++i) {
          for (int d = 0; d < dim; ++d) out[head * dim + d] += weight[i] / total * qkv[i][kv + kv_width + d];
        }
      }
      const Vector o = multiply(model.parts(Role::o, layer), out);
      for (int i = 0; i < s.hidden; ++i) h[p][i] += o[i];
      const Vector gate_up = multiply(model.parts(Role::gate_up, layer),
                                      norm(model.parts(Role::ffn_norm, layer)[0], h[p].data(), s.norm_eps));
      Vector x(s.ffn);
      for (int i = 0; i < s.ffn; ++i) x[i] = gate_up[i] / (1 + std::exp(-gate_up[i])) * gate_up[s.ffn + i];
      const Vector d = multiply(model.parts(Role::down, layer), x);
      for (int i = 0; i < s.hidden; ++i) h[p][i] += d[i];
    }
  }
  std::vector<Vector> logits;
  for (const Vector& row : h) {
    logits.push_back(multiply(model.parts(s.tied ? Role::embed : Role::lm_head),
                              norm(model.parts(Role::final_norm)[0], row.data(), s.norm_eps)));
  }
  return logits;
}

struct Fixture {
  explicit Fixture(const TinyModel& model, int threads = 2)
      : set(find_kernel_set("cpu", "reference")),
        ops(make_reference_ops(simd_targets().front(), model.shape, {set}, threads)) {
    load_model(model, *ops);
    ops->reserve({.rows = 300, .logit_rows = 300, .slots = 8, .pages = 16});
  }
  StepResult run(const StepInput& input) {
    ops->step(set, input, [this] { forward(*ops, ops->shape().layers); });
    return ops->next_result();
  }
  KernelSet set;
  std::unique_ptr<Ops> ops;
};

// A sequence's rows [first, last) as one slice; `logits` of each of them.
StepInput slice_of(const std::vector<int32_t>& tokens, int first, int last, const int32_t* pages,
                   int slot = 0) {
  StepInput input;
  input.slices = {{.slot = slot, .position = first, .rows = last - first, .pages = pages}};
  input.tokens.assign(tokens.begin() + first, tokens.begin() + last);
  for (int r = 0; r < last - first; ++r) input.logit_rows.push_back(r);
  return input;
}

constexpr int32_t kPages[] = {5, 0, 11};  // out of order, as a pool hands them out
constexpr int32_t kOthers[] = {1, 2, 3};

class ReferenceOps : public testing::TestWithParam<ModelShape> {};

TEST_P(ReferenceOps, AgreesWithAPlainForwardPassInDouble) {
  const TinyModel model = random_model(GetParam(), 3);
  const std::vector<int32_t> tokens = random_tokens(4, 150, model.shape.vocab);
  Fixture reference(model);
  const StepResult result = reference.run(slice_of(tokens, 0, 150, kPages));
  const std::vector<Vector> expected = plain_forward(model, tokens);
  double range = 0, worst = 0;
  for (int p = 0; p < 150; ++p) {
    std::vector<float> logits(model.shape.vocab);
    reference.ops->read_logits(p, logits.data());
    int best = 0;
    for (int id = 0; id < model.shape.vocab; ++id) {
      range = std::max(range, std::abs(expected[p][id]));
      worst = std::max(worst, std::abs(logits[id] - expected[p][id]));
      if (expected[p][id] > expected[p][best]) best = id;
    }
    EXPECT_EQ(result.heads[p].top[0], best) << p;
    EXPECT_EQ(result.heads[p].value[0], logits[best]);
    EXPECT_TRUE(result.heads[p].finite);
  }
  // Each stored activation is off by 2^-24 of itself; two layers of some ten operations leave less than 2^-18.
  EXPECT_LT(worst, range * 0x1p-18) << "of " << range;
  EXPECT_GT(range, 1);
}

TEST_P(ReferenceOps, ARowsBitsDependOnNeitherChunksNorNeighboursNorThreads) {
  const TinyModel model = random_model(GetParam(), 5);
  const std::vector<int32_t> tokens = random_tokens(6, 130, model.shape.vocab);
  Fixture whole(model, 1), parts(model, 3);
  const StepResult expected = whole.run(slice_of(tokens, 0, 130, kPages));
  int first = 0;
  for (int last : {1, 2, 64, 65, 130}) {
    StepInput input = slice_of(tokens, first, last, kPages, 1);
    // A neighbour in front, over the same positions of another text.
    const std::vector<int32_t> other = random_tokens(7, 130, model.shape.vocab);
    const StepInput neighbour = slice_of(other, first, last, kOthers, 2);
    input.slices.insert(input.slices.begin(), neighbour.slices[0]);
    input.tokens.insert(input.tokens.begin(), neighbour.tokens.begin(), neighbour.tokens.end());
    for (int32_t& row : input.logit_rows) row += last - first;
    const StepResult result = parts.run(input);
    for (int p = first; p < last; ++p) {
      EXPECT_TRUE(bitwise_equal(result.heads[p - first], expected.heads[p], "position " + std::to_string(p)));
    }
    first = last;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, ReferenceOps, testing::Values(llama(), qwen3(), llama3(), biased()),
                         [](const auto& param) {
                           return param.param.qk_norm                                     ? "Qwen3"
                                  : param.param.qkv_bias                                  ? "Biased"
                                  : param.param.rope.scaling == RopeSpec::Scaling::llama3 ? "Llama3"
                                                                                          : "Llama";
                         });

TEST(Reference, AProductIsTheSameSumOnEveryTarget) {
  constexpr int kOutputs = 7;
  for (int k : {1, 7, 8, 20, 576, 1003}) {
    for (int rows : {1, 3, 4, 33, 70}) {
      std::vector<float> x(static_cast<size_t>(rows) * k), w(static_cast<size_t>(kOutputs) * k);
      for (size_t i = 0; i < x.size(); ++i) x[i] = noise(1, i);
      for (size_t i = 0; i < w.size(); ++i) w[i] = noise(2, i);
      std::vector<float> bias(kOutputs);
      for (int j = 0; j < kOutputs; ++j) bias[j] = noise(3, j);
      std::vector<float> expected(static_cast<size_t>(rows) * kOutputs), biased(expected.size());
      for (int i = 0; i < rows * kOutputs; ++i) {
        const double sum = reference::dot(&x[static_cast<size_t>(i / kOutputs) * k],
                                          &w[static_cast<size_t>(i % kOutputs) * k], k);
        expected[i] = static_cast<float>(sum);
        biased[i] = static_cast<float>(sum + bias[i % kOutputs]);
      }
      for (const SimdTarget& target : simd_targets()) {
        std::vector<float> y(expected.size());
        for (const float* b : {static_cast<const float*>(nullptr), static_cast<const float*>(bias.data())}) {
          reference::product(target, x.data(), rows, k, w.data(), b, kOutputs, 0, 3, y.data());
          reference::product(target, x.data(), rows, k, w.data(), b, kOutputs, 3, 4, y.data());
          EXPECT_TRUE(bitwise_equal(y, b ? biased : expected, target.name)) << rows << " rows, k=" << k;
        }
      }
    }
  }
}

TEST(Reference, TheNextTokenIsWhatTheSlotsHeadChose) {
  const TinyModel model = random_model(llama(), 8);
  const std::vector<int32_t> prompt = random_tokens(9, 5, model.shape.vocab);
  Fixture chained(model), told(model);
  StepInput input = slice_of(prompt, 0, 5, kPages);
  input.logit_rows = {4};
  int32_t token = chained.run(input).heads[0].top[0];
  told.run(input);
  for (int position = 5; position < 70; ++position) {
    StepInput next{.slices = {{.slot = 0, .position = position, .rows = 1, .pages = kPages}},
                   .tokens = {kNextToken},
                   .logit_rows = {0}};
    const HeadResult a = chained.run(next).heads[0];
    next.tokens = {token};
    const HeadResult b = told.run(next).heads[0];
    EXPECT_TRUE(bitwise_equal(a, b, "position " + std::to_string(position)));
    token = b.top[0];
  }
}

TEST(Reference, AnInfinityAnywhereIsSaid) {
  TinyModel model = random_model(llama(), 10);
  model.weights[{Role::down, 1}][0].values[7] = std::numeric_limits<float>::infinity();
  Fixture reference(model);
  EXPECT_FALSE(reference.run(slice_of({1, 2}, 0, 2, kPages)).heads[1].finite);
}

TEST(Reference, AHookSeesEveryOperationInOrderAndItsChangesAreRead) {
  const TinyModel model = random_model(llama(), 11);
  Fixture reference(model);
  StepInput input = slice_of({3, 4, 5}, 0, 3, kPages);
  input.logit_rows = {2};
  std::vector<std::pair<Role, size_t>> seen;  // and bytes
  reference.ops->set_hook([&](const OpOutput& output) {
    seen.push_back({output.role, output.rows * output.row_bytes});
  });
  const HeadResult alone = reference.run(input).heads[0];
  using enum Role;
  const std::vector<std::pair<Role, size_t>> layer = {
      {attention_norm, 3 * 48 * 4}, {qkv, 3 * 80 * 4},     {qk_norm_rope, 3 * 48 * 4},
      {attention, 3 * 48 * 4},      {o, 3 * 48 * 4},       {ffn_norm, 3 * 48 * 4},
      {gate_up, 3 * 200 * 4},       {swiglu, 3 * 100 * 4}, {down, 3 * 48 * 4}};
  std::vector<std::pair<Role, size_t>> expected = {{embed, 3 * 48 * 4}};
  for (int i = 0; i < 2; ++i) expected.insert(expected.end(), layer.begin(), layer.end());
  expected.insert(expected.end(), {{final_norm, 48 * 4}, {lm_head, 1031 * 4}});
  EXPECT_EQ(seen, expected);

  for (const auto& [changed, bytes] : expected) {
    reference.ops->set_hook([&, role = changed](const OpOutput& output) {
      if (output.role != role) return;
      float* last = reinterpret_cast<float*>(output.row(output.rows - 1));
      for (size_t i = 0; i < output.row_bytes / 4; ++i) last[i] = last[i] * 2 + 1;
    });
    EXPECT_NE(reference.run(input).heads[0].digest, alone.digest) << role_name(changed);
  }
  reference.ops->set_hook({});
  EXPECT_TRUE(bitwise_equal(reference.run(input).heads[0], alone, "without a hook"));
}

TEST(Reference, RefusesWhatWasNotReserved) {
  const TinyModel model = random_model(llama(), 12);
  Fixture reference(model);
  const int32_t beyond[] = {16};
  EXPECT_THROW(reference.run(slice_of({1}, 0, 1, beyond)), Error);
  EXPECT_THROW(reference.run(slice_of({1}, 0, 1, kPages, 8)), Error);
  EXPECT_THROW(reference.run(slice_of({1031}, 0, 1, kPages)), Error);
  EXPECT_THROW(reference.run(slice_of({kNextToken - 1}, 0, 1, kPages)), Error);
  EXPECT_THROW(reference.run(slice_of({kNextToken}, 0, 1, kPages)), Error);  // no head has chosen yet
  EXPECT_THROW(reference.ops->next_result(), Error);
}

TEST(Reference, ItsMemoryIsWhatWasSaid) {
  const ModelShape shape = llama();
  const MemoryNeed need = reference_memory_need(shape, {.rows = 10, .logit_rows = 3, .slots = 2, .pages = 7});
  EXPECT_EQ(need.weights, 4u * (1031 * 48 + 48 + 2 * (80 * 48 + 48 * 48 + 3 * 100 * 48 + 2 * 48)));
  EXPECT_EQ(need.cache, 4u * 2 * 7 * 64 * 16 * 2);
  const MemoryNeed with_biases =
      reference_memory_need(biased(), {.rows = 10, .logit_rows = 3, .slots = 2, .pages = 7});
  EXPECT_EQ(with_biases.weights - need.weights, 4u * 2 * (80 + 48));
}

}  // namespace
}  // namespace ra
