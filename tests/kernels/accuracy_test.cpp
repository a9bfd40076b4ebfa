// Accuracy of the bf16 sets on the CPU: every operation's output against a double computation from the very inputs that
// it read, with bounds that hold for any order of sums. And the control's power: standard's bits do depend on the rows.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "core/llm/model.h"
#include "kernels/cpu/blas.h"
#include "kernels/ops.h"
#include "tests/support/oracle.h"
#include "tests/support/tiny_model.h"

namespace ra {
namespace {

using Vector = std::vector<double>;

// SmolLM2-135M's widths, with few layers and a small vocabulary.
ModelShape small_smollm2(int layers) {
  ModelShape shape;
  shape.layers = layers, shape.hidden = 576, shape.heads = 9, shape.kv_heads = 3, shape.head_dim = 64;
  shape.ffn = 1536, shape.vocab = 2048, shape.norm_eps = 1e-5f, shape.tied = true, shape.max_positions = 1024;
  return shape;
}

// And with biases where a family has them.
ModelShape biased_smollm2() {
  ModelShape shape = small_smollm2(1);
  shape.qkv_bias = shape.o_bias = true;
  return shape;
}

constexpr double kHalfBf16 = 0x1p-8;  // a rounding to bf16 (8 significant bits), relative

// Higham's gamma: `count` roundings to fp32.
double gamma(int count) {
  const double u = count * 0x1p-24;
  return u / (1 - u);
}

using Rows = std::vector<std::vector<float>>;

Rows rows_of(const OpOutput& output, bool fp32) {
  Rows rows(output.rows);
  for (int r = 0; r < output.rows; ++r) {
    const std::byte* bytes = output.row(r);
    if (fp32) {
      const float* values = reinterpret_cast<const float*>(bytes);
      rows[r].assign(values, values + output.row_bytes / 4);
      continue;
    }
    const uint16_t* values = reinterpret_cast<const uint16_t*>(bytes);
    for (size_t i = 0; i < output.row_bytes / 2; ++i) rows[r].push_back(oracle::from_bf16_bits(values[i]));
  }
  return rows;
}

// Around the borders of tiles, of attention's segments and of the BLAS's blocks of rows.
std::vector<size_t> sampled_rows(size_t rows) {
  std::vector<size_t> sampled;
  for (size_t r : {0, 1, 11, 12, 13, 31, 32, 63, 64, 191, 255, 256, 298, 299}) {
    if (r < rows) sampled.push_back(r);
  }
  return sampled;
}

struct Device {
  Device(const TinyModel& model, const std::string& set_name, int threads = 2)
      : set(find_kernel_set("cpu", set_name)), ops(open_ops("cpu", model.shape, {set}, threads)) {
    load_model(model, *ops);
    ops->reserve({.rows = 400, .logit_rows = 64, .slots = 64, .pages = 80});
  }
  StepResult run(const StepInput& input) {
    ops->step(set, input, [this] { forward(*ops, ops->shape().layers); });
    return ops->next_result();
  }
  // The step's outputs of layer 0 and the head.
  std::map<Role, Rows> observe(const StepInput& input) {
    std::map<Role, Rows> seen;
    ops->set_hook([&](const OpOutput& output) {
      if (output.layer == 0) seen[output.role] = rows_of(output, output.role == Role::lm_head);
    });
    run(input);
    ops->set_hook({});
    return seen;
  }
  KernelSet set;
  std::unique_ptr<Ops> ops;
};

class Accuracy : public testing::TestWithParam<const char*> {
 protected:
  // y = x w^T, plus the bias, rounded to bf16 unless `fp32`.
  void expect_product(Role role, const Rows& x, const Rows& y, bool fp32 = false) {
    std::vector<const TinyWeight*> parts;
    const Role stored = role == Role::lm_head ? Role::embed : role;
    for (const TinyWeight& part : model_.parts(stored)) parts.push_back(&part);
    const double bound = gamma(static_cast<int>(x[0].size()) + 1);
    double worst = 0;  // in bounds
    for (size_t r : sampled_rows(x.size())) {
      size_t n = 0;
      for (const TinyWeight* part : parts) {
        for (int row = 0; row < part->rows; ++row, ++n) {
          const float* w = part->values.data() + static_cast<size_t>(row) * part->columns;
          double sum = part->bias.empty() ? 0 : part->bias[row], magnitude = std::abs(sum);
          for (int k = 0; k < part->columns; ++k) {
            const double product = static_cast<double>(x[r][k]) * w[k];
            sum += product;
            magnitude += std::abs(product);
          }
          const double most = bound * magnitude;
          const double allowed = fp32 ? most : most + (std::abs(sum) + most) * kHalfBf16;
          worst = std::max(worst, std::abs(y[r][n] - sum) / allowed);
        }
      }
      ASSERT_EQ(n, y[r].size());
    }
    EXPECT_LE(worst, 1) << role_name(role);
    EXPECT_GT(worst, 0) << role_name(role);  // the comparison looked at something
  }

  void expect_norm(Role role, const std::vector<float>& x, const std::vector<float>& y) {
    const TinyWeight& weight = model_.parts(role)[0];
    const int n = static_cast<int>(x.size());
    double squares = 0;
    for (float value : x) squares += static_cast<double>(value) * value;
    const double scale = 1 / std::sqrt(squares / n + static_cast<double>(model_.shape.norm_eps));
    // All squares are positive: their sum is off by gamma(n), its root by half of it; five more roundings; two to bf16.
    const double bound = (1 + gamma(n) / 2 + gamma(5)) * (1 + kHalfBf16) * (1 + kHalfBf16) - 1;
    for (int i = 0; i < n; ++i) {
      const double expected = x[i] * scale * weight.values[i];
      ASSERT_LE(std::abs(y[i] - expected), bound * std::abs(expected)) << role_name(role) << " " << i;
    }
  }

  // Keys and values as the cache must hold them: K after RoPE, by the oracle.
  void remember(const Rows& qkv, int first, const std::vector<float>& table) {
    const ModelShape& s = model_.shape;
    const int q_width = s.heads * s.head_dim, kv_width = s.kv_heads * s.head_dim;
    for (size_t r = 0; r < qkv.size(); ++r) {
      std::vector<float> k(qkv[r].begin() + q_width, qkv[r].begin() + q_width + kv_width);
      const size_t position = first + r;
      for (int head = 0; head < s.kv_heads; ++head) {
        oracle::rope({k.data() + head * s.head_dim, static_cast<size_t>(s.head_dim)},
                     {table.data() + position * s.head_dim, static_cast<size_t>(s.head_dim)});
      }
      keys_.push_back(k);
      values_.emplace_back(qkv[r].begin() + q_width + kv_width, qkv[r].end());
    }
  }

  // One row's attention over the first `count` keys.
  void expect_attention(const std::vector<float>& q, int count, const std::vector<float>& out) {
    const ModelShape& s = model_.shape;
    const int dim = s.head_dim;
    const double to_log2 = std::log2(std::exp(1.0)) / std::sqrt(dim);
    for (int head = 0; head < s.heads; ++head) {
      const int at = head / (s.heads / s.kv_heads) * dim;
      Vector u(count);
      double most = -INFINITY, score_error = 0;  // in log2
      for (int i = 0; i < count; ++i) {
        double score = 0, magnitude = 0;
        for (int d = 0; d < dim; ++d) {
          const double product = static_cast<double>(q[head * dim + d]) * keys_[i][at + d];
          score += product;
          magnitude += std::abs(product);
        }
        u[i] = score * to_log2;
        most = std::max(most, u[i]);
        score_error =
            std::max(score_error, (gamma(dim) * magnitude * to_log2 + std::abs(u[i]) * gamma(2)) * 1.01);
      }
      double total = 0;
      Vector sum(dim, 0.0), magnitude(dim, 0.0);
      for (int i = 0; i < count; ++i) {
        const double p = std::exp2(u[i] - most);
        total += p;
        for (int d = 0; d < dim; ++d) {
          sum[d] += p * values_[i][at + d];
          magnitude[d] += p * std::abs(values_[i][at + d]);
        }
      }
      // A weight and the total are each off by their score's error, exp2's 1.72e-7 and the additions' roundings; the
      // weight that multiplies v is rounded to bf16, and so is the output.
      const double weight_error = std::log(2.0) * score_error * 1.01 + 1.72e-7 + gamma(count + 24);
      const double bound = (1 + kHalfBf16) * (1 + weight_error) / (1 - weight_error) - 1;
      for (int d = 0; d < dim; ++d) {
        const double expected = sum[d] / total;
        const double error = bound * magnitude[d] / total;
        ASSERT_LE(std::abs(out[head * dim + d] - expected), error + (std::abs(expected) + error) * kHalfBf16)
            << "head " << head << ", " << d << ", " << count << " keys";
      }
    }
  }

  void expect_step(const std::map<Role, Rows>& seen, int first) {
    using enum Role;
    expect_product(qkv, seen.at(attention_norm), seen.at(qkv));
    expect_product(o, seen.at(attention), seen.at(o));
    expect_product(gate_up, seen.at(ffn_norm), seen.at(gate_up));
    expect_product(down, seen.at(swiglu), seen.at(down));
    expect_product(lm_head, seen.at(final_norm), seen.at(lm_head), true);
    for (size_t r : sampled_rows(seen.at(embed).size())) {
      expect_norm(attention_norm, seen.at(embed)[r], seen.at(attention_norm)[r]);
      expect_attention(seen.at(qk_norm_rope)[r], first + static_cast<int>(r) + 1, seen.at(attention)[r]);
      for (int i = 0; i < model_.shape.ffn; ++i) {
        const double g = seen.at(gate_up)[r][i], up = seen.at(gate_up)[r][model_.shape.ffn + i];
        const double expected = g / (1 + std::exp(-g)) * up;
        // Two roundings to bf16; exp2's argument is off by up to 2^-23 of 125 at most, below 2^-16.
        ASSERT_LE(std::abs(seen.at(swiglu)[r][i] - expected), std::abs(expected) * (2 * kHalfBf16 + 0x1p-15));
      }
    }
  }

  // Weights as the device stores them.
  static TinyModel rounded(TinyModel model) {
    for (auto& [key, tensors] : model.weights) {
      for (TinyWeight& tensor : tensors) {
        for (float& value : tensor.values) value = oracle::bf16(value);
        for (float& value : tensor.bias) value = oracle::bf16(value);
      }
    }
    return model;
  }

  const TinyModel model_ = rounded(random_model(biased_smollm2(), 21));
  Rows keys_, values_;  // of the sequence so far
};

TEST_P(Accuracy, EveryOperationLiesWithinTheBoundOfAnyOrderOfSums) {
  constexpr int kPrompt = 300;  // beyond a segment; with one row more, standard splits the keys
  Device device(model_, GetParam());
  const std::vector<int32_t> pages = {7, 3, 9, 1, 0, 2};
  StepInput prefill{.slices = {{.slot = 0, .position = 0, .rows = kPrompt, .pages = pages.data()}},
                    .tokens = random_tokens(22, kPrompt, model_.shape.vocab),
                    .logit_rows = {0, kPrompt - 1}};
  std::map<Role, Rows> seen = device.observe(prefill);
  remember(seen.at(Role::qkv), 0, device.ops->rope_table());
  expect_step(seen, 0);

  StepInput decode{.slices = {{.slot = 0, .position = kPrompt, .rows = 1, .pages = pages.data()}},
                   .tokens = {kNextToken},
                   .logit_rows = {0}};
  seen = device.observe(decode);
  remember(seen.at(Role::qkv), kPrompt, device.ops->rope_table());
  expect_step(seen, kPrompt);
}

INSTANTIATE_TEST_SUITE_P(Sets, Accuracy, testing::Values("invariant", "standard"),
                         [](const auto& param) { return std::string(param.param); });

// --- the control ------------------------------------------------------------------------------------------

// A step at `position` of `rows` sequences of forced tokens; the audited one comes first.
StepInput shared_step(int rows, int position, const std::vector<int32_t>& pages) {
  StepInput input;
  const std::vector<int32_t> tokens = random_tokens(31 + position, 64, 2048);
  for (int r = 0; r < rows; ++r) {
    input.slices.push_back({.slot = r, .position = position, .rows = 1, .pages = pages.data() + r});
    input.tokens.push_back(tokens[r]);
    input.logit_rows.push_back(r);
  }
  return input;
}

std::vector<int32_t> first_pages() {
  std::vector<int32_t> pages(64);
  for (int i = 0; i < 64; ++i) pages[i] = i;
  return pages;
}

// The audited sequence's digests over its steps, for each number of sequences.
std::set<std::vector<uint64_t>> digests_by_rows(const std::string& set_name) {
  constexpr int kSteps = 16;
  const TinyModel model = random_model(small_smollm2(2), 30);
  const std::vector<int32_t> pages = first_pages();
  Device device(model, set_name, 1);  // two threads that wait for each other are slow on a busy machine
  std::set<std::vector<uint64_t>> streams;
  for (int rows : {1, 2, 4, 16}) {
    std::vector<uint64_t> digests;
    for (int position = 0; position < kSteps; ++position) {
      digests.push_back(device.run(shared_step(rows, position, pages)).heads[0].digest);
    }
    streams.insert(digests);
  }
  return streams;
}

TEST(Control, StandardsDigestsDependOnTheNumberOfRows) {
  EXPECT_GE(digests_by_rows("standard").size(), 2u) << "if this fails, the audit has nothing to find";
}

TEST(Control, InvariantsDoNot) {
  EXPECT_EQ(digests_by_rows("invariant").size(), 1u);
}

TEST(Control, TheLedgerShowsThatSumOrdersDifferedByRowsInStandardAlone) {
  const TinyModel model = random_model(small_smollm2(1), 32);
  const std::vector<int32_t> pages = first_pages();
  for (const char* name : {"standard", "invariant"}) {
    Device device(model, name);
    const bool differs = std::string(name) == "standard";
    const ChoiceSet one = device.ops->choice_set(device.run(shared_step(1, 0, pages)).choice_set);
    const ChoiceSet four = device.ops->choice_set(device.run(shared_step(4, 0, pages)).choice_set);
    for (Role role : {Role::qkv, Role::o, Role::gate_up, Role::down, Role::lm_head}) {
      EXPECT_EQ(one.at(role).sum_order() != four.at(role).sum_order(), differs)
          << name << " " << role_name(role);
    }
    const int again = device.run(shared_step(4, 0, pages)).choice_set;
    EXPECT_EQ(device.ops->choice_set(again).at(Role::o).text(), four.at(Role::o).text());
  }
}

TEST(Control, TheLibraryRunsWithTheThreadsThatTheLedgerNames) {
  const TinyModel model = random_model(small_smollm2(1), 33);
  const std::vector<int32_t> pages = first_pages();
  Device one(model, "standard", 1), two(model, "standard", 2);
  for (auto [device, threads] : {std::pair(&two, 2), std::pair(&one, 1), std::pair(&two, 2)}) {
    const ChoiceSet choices = device->ops->choice_set(device->run(shared_step(3, 0, pages)).choice_set);
    EXPECT_EQ(blas_threads(), threads);
    EXPECT_THAT(choices.at(Role::o).sum_order(), testing::HasSubstr(std::to_string(threads) + " thread"));
  }
}

}  // namespace
}  // namespace ra
