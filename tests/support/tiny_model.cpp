#include "tests/support/tiny_model.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>

#include "core/error.h"
#include "core/json.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

int integer(const Json& object, const std::string& key) {
  return static_cast<int>(member(object, key).unsigned_integer(key));
}

double number(const Json& object, const std::string& key) {
  return member(object, key).number(key);
}

using Tensors = std::map<std::string, TinyTensor>;

void read_safetensors(const std::string& path, Tensors& tensors) {
  const std::string bytes = read_file(path);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  const Json header = parse_json(std::string_view(bytes).substr(8, header_bytes), path);
  for (const auto& [name, entry] : header.object(path)) {
    if (name == "__metadata__") continue;
    const Json::Array& shape = member(entry, "shape").array("shape");
    const uint64_t begin =
        member(entry, "data_offsets").array("data_offsets").at(0).unsigned_integer("data_offsets");
    TinyTensor tensor;
    tensor.columns = static_cast<int>(shape.back().unsigned_integer("shape"));
    tensor.rows = shape.size() == 2 ? static_cast<int>(shape[0].unsigned_integer("shape")) : 1;
    tensor.values.resize(static_cast<size_t>(tensor.rows) * tensor.columns);
    const char* data = bytes.data() + 8 + header_bytes + begin;
    const std::string& type = member(entry, "dtype").string("dtype");
    check(type == "BF16" || type == "F32", "a fixture of BF16 or F32");
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      uint32_t bits = 0;
      if (type == "F32") {
        std::memcpy(&bits, data + 4 * i, 4);
      } else {
        uint16_t half = 0;
        std::memcpy(&half, data + 2 * i, 2);
        bits = static_cast<uint32_t>(half) << 16;
      }
      tensor.values[i] = std::bit_cast<float>(bits);
    }
    tensors.emplace(name, std::move(tensor));
  }
}

ModelShape read_shape(const std::string& name) {
  const Json config = golden_json(name + "/config.json");
  ModelShape shape;
  shape.layers = integer(config, "num_hidden_layers");
  shape.hidden = integer(config, "hidden_size");
  shape.heads = integer(config, "num_attention_heads");
  shape.kv_heads = integer(config, "num_key_value_heads");
  shape.head_dim = integer(config, "head_dim");
  shape.ffn = integer(config, "intermediate_size");
  shape.vocab = integer(config, "vocab_size");
  shape.norm_eps = static_cast<float>(number(config, "rms_norm_eps"));
  shape.qk_norm = member(config, "model_type").string("model_type") == "qwen3";
  shape.tied = member(config, "tie_word_embeddings").boolean("tie_word_embeddings");
  shape.max_positions = integer(config, "max_position_embeddings");
  const Json& rope = member(config, "rope_parameters");
  shape.rope.base = number(rope, "rope_theta");
  if (member(rope, "rope_type").string("rope_type") == "llama3") {
    shape.rope.scaling = RopeSpec::Scaling::llama3;
    shape.rope.factor = number(rope, "factor");
    shape.rope.low_frequency_factor = number(rope, "low_freq_factor");
    shape.rope.high_frequency_factor = number(rope, "high_freq_factor");
    shape.rope.original_positions = number(rope, "original_max_position_embeddings");
  }
  return shape;
}

// Calls make(role, layer, part, rows, columns, name) for every weight that the shape needs; `name` is Hugging
// Face's.
void for_each_weight(
    const ModelShape& s,
    const std::function<void(Role, int, int rows, int columns, const std::string& name)>& make) {
  make(Role::embed, 0, s.vocab, s.hidden, "model.embed_tokens");
  for (int layer = 0; layer < s.layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    make(Role::attention_norm, layer, 1, s.hidden, at + "input_layernorm");
    make(Role::qkv, layer, s.heads * s.head_dim, s.hidden, at + "self_attn.q_proj");
    make(Role::qkv, layer, s.kv_heads * s.head_dim, s.hidden, at + "self_attn.k_proj");
    make(Role::qkv, layer, s.kv_heads * s.head_dim, s.hidden, at + "self_attn.v_proj");
    if (s.qk_norm) {
      make(Role::qk_norm_rope, layer, 1, s.head_dim, at + "self_attn.q_norm");
      make(Role::qk_norm_rope, layer, 1, s.head_dim, at + "self_attn.k_norm");
    }
    make(Role::o, layer, s.hidden, s.heads * s.head_dim, at + "self_attn.o_proj");
    make(Role::ffn_norm, layer, 1, s.hidden, at + "post_attention_layernorm");
    make(Role::gate_up, layer, s.ffn, s.hidden, at + "mlp.gate_proj");
    make(Role::gate_up, layer, s.ffn, s.hidden, at + "mlp.up_proj");
    make(Role::down, layer, s.hidden, s.ffn, at + "mlp.down_proj");
  }
  make(Role::final_norm, 0, 1, s.hidden, "model.norm");
  if (!s.tied) make(Role::lm_head, 0, s.vocab, s.hidden, "lm_head");
}

uint64_t mix(uint64_t z) {  // splitmix64's finalizer (Steele, Lea, Flood 2014)
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

uint64_t random_bits(uint64_t seed, uint64_t index) {
  return mix(mix(seed + 0x9e3779b97f4a7c15u) + (index + 1) * 0x9e3779b97f4a7c15u);
}

}  // namespace

float noise(uint64_t seed, uint64_t index) {
  return static_cast<float>(static_cast<int64_t>(random_bits(seed, index) >> 40) - (1 << 23)) * 0x1p-23f;
}

std::vector<int32_t> random_tokens(uint64_t seed, int count, int vocab) {
  std::vector<int32_t> tokens(count);
  for (int i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>(random_bits(seed, i) % vocab);
  return tokens;
}

TinyModel read_fixture(const std::string& name) {
  TinyModel model{read_shape(name), {}};
  Tensors tensors;
  const std::string folder = golden_path(name), index_name = "/model.safetensors.index.json";
  if (std::filesystem::exists(folder + index_name)) {
    std::set<std::string> files;
    const Json index = golden_json(name + index_name);
    for (const auto& [tensor, file] : member(index, "weight_map").object("weight_map")) {
      files.insert(file.string(tensor));
    }
    for (const std::string& file : files) read_safetensors(folder + "/" + file, tensors);
  } else {
    read_safetensors(folder + "/model.safetensors", tensors);
  }
  for_each_weight(model.shape, [&](Role role, int layer, int rows, int columns, const std::string& tensor) {
    const auto found = tensors.find(tensor + ".weight");
    check(found != tensors.end(), ("a tensor " + tensor).c_str());
    check(found->second.rows == rows && found->second.columns == columns,
          "a fixture's tensor of its model's shape");
    model.weights[{role, layer}].push_back(found->second);
  });
  return model;
}

TinyModel random_model(const ModelShape& shape, uint64_t seed) {
  TinyModel model{shape, {}};
  uint64_t number_of_tensor = 0;
  for_each_weight(shape, [&](Role role, int layer, int rows, int columns, const std::string&) {
    TinyTensor tensor{rows, columns, std::vector<float>(static_cast<size_t>(rows) * columns)};
    const uint64_t tensor_seed = random_bits(seed, number_of_tensor++);
    const bool is_norm = rows == 1;
    // A variance of 3 / columns; norms lie in [0.75, 1.25).
    const float scale = is_norm ? 0.25f : 3.0f / std::sqrt(static_cast<float>(columns));
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      tensor.values[i] = noise(tensor_seed, i) * scale + (is_norm ? 1.0f : 0.0f);
    }
    model.weights[{role, layer}].push_back(std::move(tensor));
  });
  return model;
}

void load_model(const TinyModel& model, Ops& ops) {
  for (const auto& [key, tensors] : model.weights) {
    Parts parts;
    for (const TinyTensor& tensor : tensors) {
      parts.push_back({tensor.rows, tensor.columns, [&tensor](int first, int count, float* out) {
                         std::memcpy(out, tensor.values.data() + static_cast<size_t>(first) * tensor.columns,
                                     static_cast<size_t>(count) * tensor.columns * sizeof(float));
                       }});
    }
    ops.load(key.first, key.second, parts);
  }
}

}  // namespace ra
