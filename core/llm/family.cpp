#include "core/llm/family.h"

#include "core/error.h"

namespace ra {
namespace {

constexpr Family kFamilies[] = {
    // name, architecture, qk_norm, gguf_permutes_rows, default_head_dim
    {"llama", "LlamaForCausalLM", false, true, 0},
    {"qwen3", "Qwen3ForCausalLM", true, false, 128},
};

using enum Extent;
constexpr WeightName kWeights[] = {
    {Role::embed, "model.embed_tokens.weight", "token_embd.weight", vocab, hidden, false},
    {Role::attention_norm, "model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight", one, hidden,
     false},
    {Role::qkv, "model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight", q_rows, hidden, true},
    {Role::qkv, "model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight", kv_rows, hidden, true},
    {Role::qkv, "model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight", kv_rows, hidden, false},
    {Role::qk_norm_rope, "model.layers.#.self_attn.q_norm.weight", "blk.#.attn_q_norm.weight", one, head_dim,
     false},
    {Role::qk_norm_rope, "model.layers.#.self_attn.k_norm.weight", "blk.#.attn_k_norm.weight", one, head_dim,
     false},
    {Role::o, "model.layers.#.self_attn.o_proj.weight", "blk.#.attn_output.weight", hidden, q_rows, false},
    {Role::ffn_norm, "model.layers.#.post_attention_layernorm.weight", "blk.#.ffn_norm.weight", one, hidden,
     false},
    {Role::gate_up, "model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight", ffn, hidden, false},
    {Role::gate_up, "model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight", ffn, hidden, false},
    {Role::down, "model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight", hidden, ffn, false},
    {Role::final_norm, "model.norm.weight", "output_norm.weight", one, hidden, false},
    {Role::lm_head, "lm_head.weight", "output.weight", vocab, hidden, false},
};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

const Family* find_family(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (name == family.name) return &family;
  }
  return nullptr;
}

const Family* find_architecture(std::string_view architecture) {
  for (const Family& family : kFamilies) {
    if (architecture == family.architecture) return &family;
  }
  return nullptr;
}

std::string supported_architectures() {
  std::string text;
  for (const Family& family : kFamilies)
    text += (text.empty() ? "" : " or ") + std::string(family.architecture);
  return text;
}

int extent_of(Extent extent, const ModelShape& shape) {
  switch (extent) {
    case one:
      return 1;
    case hidden:
      return shape.hidden;
    case q_rows:
      return shape.heads * shape.head_dim;
    case kv_rows:
      return shape.kv_heads * shape.head_dim;
    case head_dim:
      return shape.head_dim;
    case ffn:
      return shape.ffn;
    case vocab:
      return shape.vocab;
  }
  throw Error(Exit::bug, "internal error: expected a known extent");
}

std::vector<WeightName> weight_names(const ModelShape& shape) {
  std::vector<WeightName> names;
  for (const WeightName& weight : kWeights) {
    if (weight.role == Role::qk_norm_rope && !shape.qk_norm) continue;
    if (weight.role == Role::lm_head && shape.tied) continue;
    names.push_back(weight);
  }
  return names;
}

bool has_layers(const WeightName& weight) {
  return std::string_view(weight.gguf).find('#') != std::string_view::npos;
}

std::string name_in_layer(const char* pattern, int layer) {
  std::string name = pattern;
  const size_t mark = name.find('#');
  if (mark != std::string::npos) name.replace(mark, 1, std::to_string(layer));
  return name;
}

}  // namespace ra
