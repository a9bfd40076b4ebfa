#include "tests/support/gguf_model.h"

#include <bit>
#include <utility>

#include "core/error.h"

namespace ra {
namespace {

constexpr uint32_t kUint32 = 4, kFloat32 = 6, kString = 8;

std::string f32(float value) {
  return u32(std::bit_cast<uint32_t>(value));
}

std::string bytes_of(const std::vector<float>& values) {
  std::string bytes;
  for (const float value : values) bytes += f32(value);
  return bytes;
}

// Rows of `columns` values each: of every head, row j of the first half, then row j of the second, for ascending j.
std::vector<float> halves_interleaved(const std::vector<float>& values, int columns, int head_dim) {
  std::vector<float> out;
  const int rows = static_cast<int>(values.size()) / columns;
  for (int head = 0; head < rows; head += head_dim) {
    for (int j = 0; j < head_dim / 2; ++j) {
      for (const int row : {head + j, head + head_dim / 2 + j}) {
        const auto begin = values.begin() + static_cast<ptrdiff_t>(row) * columns;
        out.insert(out.end(), begin, begin + columns);
      }
    }
  }
  return out;
}

std::vector<std::string> names_of(Role role) {
  switch (role) {
    case Role::embed:
      return {"token_embd"};
    case Role::attention_norm:
      return {"attn_norm"};
    case Role::qkv:
      return {"attn_q", "attn_k", "attn_v"};
    case Role::qk_norm_rope:
      return {"attn_q_norm", "attn_k_norm"};
    case Role::o:
      return {"attn_output"};
    case Role::ffn_norm:
      return {"ffn_norm"};
    case Role::gate_up:
      return {"ffn_gate", "ffn_up"};
    case Role::down:
      return {"ffn_down"};
    case Role::final_norm:
      return {"output_norm"};
    case Role::lm_head:
      return {"output"};
    default:
      throw Error(Exit::bug, "an operation without weights");
  }
}

}  // namespace

GgufTensor& GgufModel::tensor(const std::string& name) {
  for (GgufTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw Error(Exit::bug, "no tensor " + name);
}

std::string GgufModel::bytes() const {
  GgufParts parts = keys;
  for (const GgufTensor& tensor : tensors) {
    while (parts.data.size() % parts.alignment != 0) parts.data += '\0';
    parts.tensors.push_back(gguf_tensor(tensor.name, tensor.ne, tensor.type, parts.data.size()));
    parts.data += tensor.bytes;
  }
  return parts.bytes();
}

GgufModel gguf_of(const TinyModel& model, const std::string& architecture) {
  const ModelShape& shape = model.shape;
  GgufModel gguf;
  set_key(gguf.keys, "general.architecture", kString, gguf_string(architecture));
  const std::pair<const char*, int> numbers[] = {{"block_count", shape.layers},
                                                 {"context_length", shape.max_positions},
                                                 {"embedding_length", shape.hidden},
                                                 {"feed_forward_length", shape.ffn},
                                                 {"attention.head_count", shape.heads},
                                                 {"attention.head_count_kv", shape.kv_heads},
                                                 {"attention.key_length", shape.head_dim},
                                                 {"attention.value_length", shape.head_dim},
                                                 {"vocab_size", shape.vocab}};
  for (const auto& [key, value] : numbers) {
    set_key(gguf.keys, architecture + "." + key, kUint32, u32(static_cast<uint32_t>(value)));
  }
  set_key(gguf.keys, architecture + ".attention.layer_norm_rms_epsilon", kFloat32, f32(shape.norm_eps));
  set_key(gguf.keys, architecture + ".rope.freq_base", kFloat32, f32(static_cast<float>(shape.rope.base)));

  for (const auto& [key, parts] : model.weights) {
    const auto& [role, layer] = key;
    const bool layered = role != Role::embed && role != Role::final_norm && role != Role::lm_head;
    const std::vector<std::string> names = names_of(role);
    for (size_t part = 0; part < parts.size(); ++part) {
      const TinyWeight& weight = parts[part];
      const std::string name = (layered ? "blk." + std::to_string(layer) + "." : "") + names.at(part);
      const bool permuted = architecture == "llama" && role == Role::qkv && part < 2;
      const auto stored = [&](const std::vector<float>& values, int columns) {
        return bytes_of(permuted ? halves_interleaved(values, columns, shape.head_dim) : values);
      };
      std::vector<uint64_t> ne = {static_cast<uint64_t>(weight.columns)};
      if (weight.rows > 1) ne.push_back(static_cast<uint64_t>(weight.rows));
      gguf.tensors.push_back({name + ".weight", ne, 0, stored(weight.values, weight.columns)});
      if (weight.bias.empty()) continue;
      gguf.tensors.push_back(
          {name + ".bias", {static_cast<uint64_t>(weight.rows)}, 0, stored(weight.bias, 1)});
    }
  }
  return gguf;
}

}  // namespace ra
