#include "tests/support/oracle_model.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace ra {
namespace {

using oracle::KeyValues;
using oracle::Matrix;
using Rows = std::vector<std::vector<float>>;

// Shows `rows` to the hook as stored bf16 and takes back what it left there.
void show(const OpHook& hook, Role role, int layer, Rows& rows) {
  if (!hook || rows.empty()) return;
  const size_t width = rows[0].size();
  std::vector<uint16_t> stored(rows.size() * width);
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < width; ++i) stored[r * width + i] = oracle::bf16_bits(rows[r][i]);
  }
  hook({role, layer, static_cast<int>(rows.size()), width * 2, reinterpret_cast<std::byte*>(stored.data())});
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < width; ++i) rows[r][i] = oracle::from_bf16_bits(stored[r * width + i]);
  }
}

std::vector<float> rounded(const TinyWeight& tensor) {
  std::vector<float> values = tensor.values;
  for (float& value : values) value = oracle::bf16(value);
  return values;
}

// The parts' rows one after the other as one matrix, and their biases likewise.
Matrix joined(const std::vector<TinyWeight>& parts) {
  std::vector<float> values, bias;
  int n = 0;
  for (const TinyWeight& part : parts) {
    values.insert(values.end(), part.values.begin(), part.values.end());
    for (const float b : part.bias) bias.push_back(oracle::bf16(b));
    n += part.rows;
  }
  Matrix matrix = oracle::matrix_of(n, parts[0].columns, values);
  matrix.bias = std::move(bias);
  return matrix;
}

std::span<float> part_of(std::vector<float>& row, int begin, int count) {
  return {row.data() + begin, size_t(count)};
}

}  // namespace

OracleModel::OracleModel(const TinyModel& model, int positions, oracle::SumOrder order)
    : shape_(model.shape),
      order_(order),
      rope_table_(oracle::rope_table(shape_.rope, shape_.head_dim, positions)) {
  const std::vector<float> embedding = rounded(model.parts(Role::embed)[0]);
  for (int id = 0; id < shape_.vocab; ++id) {
    const auto begin = embedding.begin() + static_cast<ptrdiff_t>(id) * shape_.hidden;
    embedding_.emplace_back(begin, begin + shape_.hidden);
  }
  for (int layer = 0; layer < shape_.layers; ++layer) {
    Layer& l = layers_.emplace_back();
    l.attention_norm = rounded(model.parts(Role::attention_norm, layer)[0]);
    l.ffn_norm = rounded(model.parts(Role::ffn_norm, layer)[0]);
    if (shape_.qk_norm) {
      l.q_norm = rounded(model.parts(Role::qk_norm_rope, layer)[0]);
      l.k_norm = rounded(model.parts(Role::qk_norm_rope, layer)[1]);
    }
    l.qkv = joined(model.parts(Role::qkv, layer));
    l.o = joined(model.parts(Role::o, layer));
    l.gate_up = joined(model.parts(Role::gate_up, layer));
    l.down = joined(model.parts(Role::down, layer));
  }
  final_norm_ = rounded(model.parts(Role::final_norm)[0]);
  lm_head_ = joined(model.parts(shape_.tied ? Role::embed : Role::lm_head));
}

std::vector<HeadResult> OracleModel::step(const StepInput& input, const OpHook& hook) {
  std::vector<Place> places;
  for (const Slice& slice : input.slices) {
    std::vector<KeyValues>& cache = caches_[slice.slot];
    cache.resize(shape_.layers);
    for (KeyValues& layer : cache) {
      check(static_cast<int>(layer.k.size()) >= slice.position, "a slice that continues its sequence");
      const size_t keys = std::max<size_t>(layer.k.size(), slice.position + slice.rows);
      layer.k.resize(keys);
      layer.v.resize(keys);
    }
    for (int r = 0; r < slice.rows; ++r) places.push_back({slice.slot, slice.position + r});
  }

  Rows h;  // rule 4
  for (size_t r = 0; r < places.size(); ++r) {
    const int32_t token = input.tokens[r] == kNextToken ? next_tokens_.at(places[r].slot) : input.tokens[r];
    h.push_back(embedding_.at(token));
  }
  show(hook, Role::embed, 0, h);

  Rows d;  // what the residual stream still has to take up
  for (int i = 0; i < shape_.layers; ++i) {
    const Layer& layer = layers_[i];
    Rows x = norm(Role::attention_norm, i, layer.attention_norm, h, d, hook);
    x = project(Role::qkv, i, x, layer.qkv, hook);
    x = attend(i, x, places, hook);
    d = project(Role::o, i, x, layer.o, hook);
    x = norm(Role::ffn_norm, i, layer.ffn_norm, h, d, hook);
    const Rows gate_up = project(Role::gate_up, i, x, layer.gate_up, hook);
    x.clear();
    for (const std::vector<float>& row : gate_up) {
      std::vector<float>& y = x.emplace_back(shape_.ffn);
      for (int n = 0; n < shape_.ffn; ++n) y[n] = oracle::swiglu(row[n], row[shape_.ffn + n]);
    }
    show(hook, Role::swiglu, i, x);
    d = project(Role::down, i, x, layer.down, hook);
  }
  const Rows x = norm(Role::final_norm, 0, final_norm_, h, d, hook);
  return head(x, places, input, hook);
}

Rows OracleModel::norm(Role role, int layer, const std::vector<float>& weight, Rows& h, const Rows& d,
                       const OpHook& hook) const {
  Rows y;
  for (size_t r = 0; r < h.size(); ++r) {
    if (!d.empty()) oracle::add_residual(h[r], d[r]);
    y.push_back(oracle::rms_norm(h[r], weight, shape_.norm_eps));
  }
  show(hook, role, layer, y);
  return y;
}

Rows OracleModel::project(Role role, int layer, const Rows& x, const Matrix& w, const OpHook& hook) const {
  Rows y;
  for (const std::vector<float>& row : x) y.push_back(oracle::linear(order_, row, w));
  show(hook, role, layer, y);
  return y;
}

// The operations qk_norm_rope and attention: q, k and v of every row, then each row over the keys up to its
// own.
Rows OracleModel::attend(int layer, const Rows& qkv, const std::vector<Place>& places, const OpHook& hook) {
  const int dim = shape_.head_dim, q_width = shape_.heads * dim, kv_width = shape_.kv_heads * dim;
  const Layer& weights = layers_[layer];
  Rows queries;
  for (size_t r = 0; r < qkv.size(); ++r) {
    std::vector<float> row = qkv[r];
    for (int head = 0; head < shape_.heads + shape_.kv_heads; ++head) {
      const std::span<float> values = part_of(row, head * dim, dim);
      if (shape_.qk_norm) {
        const bool is_query = head < shape_.heads;
        const auto y = oracle::rms_norm(values, is_query ? weights.q_norm : weights.k_norm, shape_.norm_eps);
        std::ranges::copy(y, values.begin());
      }
      oracle::rope(values, {rope_table_.data() + static_cast<size_t>(places[r].position) * dim, size_t(dim)});
    }
    KeyValues& cache = caches_[places[r].slot][layer];
    cache.k[places[r].position].assign(row.begin() + q_width, row.begin() + q_width + kv_width);
    cache.v[places[r].position].assign(row.begin() + q_width + kv_width, row.end());
    queries.emplace_back(row.begin(), row.begin() + q_width);
  }
  show(hook, Role::qk_norm_rope, layer, queries);

  Rows out;
  const int queries_a_kv_head = shape_.heads / shape_.kv_heads;
  for (size_t r = 0; r < queries.size(); ++r) {
    const KeyValues& cache = caches_[places[r].slot][layer];
    std::vector<float>& y = out.emplace_back();
    for (int head = 0; head < shape_.heads; ++head) {
      const auto o = oracle::attention(order_, part_of(queries[r], head * dim, dim), cache,
                                       head / queries_a_kv_head, places[r].position + 1);
      y.insert(y.end(), o.begin(), o.end());
    }
  }
  show(hook, Role::attention, layer, out);
  return out;
}

std::vector<HeadResult> OracleModel::head(const Rows& x, const std::vector<Place>& places,
                                          const StepInput& input, const OpHook& hook) {
  Rows sums;
  for (int32_t row : input.logit_rows) sums.push_back(oracle::linear_sums(order_, x[row], lm_head_));
  if (hook && !sums.empty()) {
    std::vector<float> shown;
    for (const std::vector<float>& row : sums) shown.insert(shown.end(), row.begin(), row.end());
    const size_t row_bytes = static_cast<size_t>(shape_.vocab) * sizeof(float);
    hook({Role::lm_head, 0, static_cast<int>(sums.size()), row_bytes,
          reinterpret_cast<std::byte*>(shown.data())});
    for (size_t r = 0; r < sums.size(); ++r)
      std::memcpy(sums[r].data(), shown.data() + r * shape_.vocab, row_bytes);
  }
  std::vector<HeadResult> results;
  logits_.assign(sums.size(), {});
  for (size_t r = 0; r < sums.size(); ++r) {
    results.push_back(oracle::head(sums[r], fp32_logits_, &logits_[r]));
    next_tokens_[places[input.logit_rows[r]].slot] = results[r].top[0];
  }
  return results;
}

std::vector<uint64_t> GreedyRun::digests() const {
  std::vector<uint64_t> digests;
  for (const HeadResult& step : steps) digests.push_back(step.digest);
  return digests;
}

GreedyRun greedy_run(OracleModel& model, const std::vector<int32_t>& prompt, int steps) {
  const int length = static_cast<int>(prompt.size());
  GreedyRun run;
  for (int i = 0; i < steps; ++i) {
    StepInput input;
    const int position = i == 0 ? 0 : length + i - 1;
    const int rows = i == 0 ? length : 1;
    input.slices = {{.slot = 0, .position = position, .rows = rows}};
    input.tokens = i == 0 ? prompt : std::vector<int32_t>{kNextToken};
    input.logit_rows = {rows - 1};
    run.steps.push_back(model.step(input)[0]);
  }
  return run;
}

}  // namespace ra
