#include "tests/support/tiny_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "core/error.h"
#include "core/llm/checkpoint.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

// Calls make(role, layer, rows, columns) for every part of every weight that the shape needs, in load()'s order.
void for_each_weight(const ModelShape& s, const std::function<void(Role, int, int, int)>& make) {
  const int q_width = s.heads * s.head_dim, kv_width = s.kv_heads * s.head_dim;
  make(Role::embed, 0, s.vocab, s.hidden);
  for (int layer = 0; layer < s.layers; ++layer) {
    make(Role::attention_norm, layer, 1, s.hidden);
    for (const int rows : {q_width, kv_width, kv_width}) make(Role::qkv, layer, rows, s.hidden);
    for (int part = 0; s.qk_norm && part < 2; ++part) make(Role::qk_norm_rope, layer, 1, s.head_dim);
    make(Role::o, layer, s.hidden, q_width);
    make(Role::ffn_norm, layer, 1, s.hidden);
    for (int part = 0; part < 2; ++part) make(Role::gate_up, layer, s.ffn, s.hidden);
    make(Role::down, layer, s.hidden, s.ffn);
  }
  make(Role::final_norm, 0, 1, s.hidden);
  if (!s.tied) make(Role::lm_head, 0, s.vocab, s.hidden);
}

uint64_t mix(uint64_t z) {  // splitmix64's finalizer (Steele, Lea, Flood 2014)
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

}  // namespace

uint64_t random_bits(uint64_t seed, uint64_t index) {
  return mix(mix(seed + 0x9e3779b97f4a7c15u) + (index + 1) * 0x9e3779b97f4a7c15u);
}

float noise(uint64_t seed, uint64_t index) {
  return static_cast<float>(static_cast<int64_t>(random_bits(seed, index) >> 40) - (1 << 23)) * 0x1p-23f;
}

std::vector<int32_t> random_tokens(uint64_t seed, int count, int vocab) {
  std::vector<int32_t> tokens(count);
  for (int i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>(random_bits(seed, i) % vocab);
  return tokens;
}

TinyModel read_fixture(const std::string& name) {
  const Checkpoint checkpoint = Checkpoint::open(golden_path(name));
  TinyModel model{checkpoint.shape(), {}};
  for_each_weight(model.shape, [&](Role role, int layer, int rows, int columns) {
    std::vector<TinyWeight>& parts = model.weights[{role, layer}];
    const RowSource source = checkpoint.parts(role, layer).at(parts.size());
    check(source.rows == rows && source.columns == columns, "a fixture's tensor of its model's shape");
    parts.push_back({rows, columns, std::vector<float>(static_cast<size_t>(rows) * columns)});
    source.read(0, rows, parts.back().values.data());
    check(static_cast<bool>(source.read_bias) == has_bias(model.shape, role), "a fixture's biases");
    if (!source.read_bias) return;
    parts.back().bias.resize(static_cast<size_t>(rows));
    source.read_bias(parts.back().bias.data());
  });
  return model;
}

TinyModel random_model(const ModelShape& shape, uint64_t seed) {
  TinyModel model{shape, {}};
  uint64_t number_of_tensor = 0;
  for_each_weight(shape, [&](Role role, int layer, int rows, int columns) {
    TinyWeight tensor{rows, columns, std::vector<float>(static_cast<size_t>(rows) * columns)};
    const uint64_t tensor_seed = random_bits(seed, number_of_tensor++);
    const bool is_norm = rows == 1;
    // A variance of 3 / columns; norms lie in [0.75, 1.25).
    const float scale = is_norm ? 0.25f : 3.0f / std::sqrt(static_cast<float>(columns));
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tensor.values[i] = noise(tensor_seed, i) * scale + (is_norm ? 1.0f : 0.0f);
    }
    for (int i = 0; has_bias(shape, role) && i < rows; ++i) {
      tensor.bias.push_back(noise(tensor_seed, tensor.values.size() + static_cast<size_t>(i)));
    }
    model.weights[{role, layer}].push_back(std::move(tensor));
  });
  return model;
}

void load_model(const TinyModel& model, Ops& ops) {
  for (const auto& [key, tensors] : model.weights) {
    Parts parts;
    for (const TinyWeight& tensor : tensors) {
      parts.push_back({tensor.rows, tensor.columns, [&tensor](int first, int count, float* out) {
                         std::memcpy(out, tensor.values.data() + static_cast<size_t>(first) * tensor.columns,
                                     static_cast<size_t>(count) * tensor.columns * sizeof(float));
                       }});
      if (tensor.bias.empty()) continue;
      parts.back().read_bias = [&tensor](float* out) { std::ranges::copy(tensor.bias, out); };
    }
    ops.load(key.first, key.second, parts);
  }
}

}  // namespace ra
