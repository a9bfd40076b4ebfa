#include "core/llm/family.h"

#include "core/error.h"
#include "core/llm/word_list.h"

namespace ra {
namespace {

constexpr Family kFamilies[] = {
    // name, architecture, gguf, qk_norm, bias, window, gguf_permutes_rows, default_head_dim
    {"llama", "LlamaForCausalLM", "llama", false, AttentionBias::configured, SlidingWindow::stated, true, 0},
    {"mistral", "MistralForCausalLM", nullptr, false, AttentionBias::none, SlidingWindow::always, false, 0},
    {"qwen2", "Qwen2ForCausalLM", "qwen2", false, AttentionBias::qkv, SlidingWindow::switched, false, 0},
    {"qwen3", "Qwen3ForCausalLM", "qwen3", true, AttentionBias::configured, SlidingWindow::switched, false,
     128},
};

using enum Extent;
constexpr WeightName kWeights[] = {
    {Role::embed, "model.embed_tokens", "token_embd", vocab, hidden, false},
    {Role::attention_norm, "model.layers.#.input_layernorm", "blk.#.attn_norm", one, hidden, false},
    {Role::qkv, "model.layers.#.self_attn.q_proj", "blk.#.attn_q", q_rows, hidden, true},
    {Role::qkv, "model.layers.#.self_attn.k_proj", "blk.#.attn_k", kv_rows, hidden, true},
    {Role::qkv, "model.layers.#.self_attn.v_proj", "blk.#.attn_v", kv_rows, hidden, false},
    {Role::qk_norm_rope, "model.layers.#.self_attn.q_norm", "blk.#.attn_q_norm", one, head_dim, false},
    {Role::qk_norm_rope, "model.layers.#.self_attn.k_norm", "blk.#.attn_k_norm", one, head_dim, false},
    {Role::o, "model.layers.#.self_attn.o_proj", "blk.#.attn_output", hidden, q_rows, false},
    {Role::ffn_norm, "model.layers.#.post_attention_layernorm", "blk.#.ffn_norm", one, hidden, false},
    {Role::gate_up, "model.layers.#.mlp.gate_proj", "blk.#.ffn_gate", ffn, hidden, false},
    {Role::gate_up, "model.layers.#.mlp.up_proj", "blk.#.ffn_up", ffn, hidden, false},
    {Role::down, "model.layers.#.mlp.down_proj", "blk.#.ffn_down", hidden, ffn, false},
    {Role::final_norm, "model.norm", "output_norm", one, hidden, false},
    {Role::lm_head, "lm_head", "output", vocab, hidden, false},
};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

const Family* find_gguf_architecture(std::string_view name) {
  for (const Family& family : kFamilies) {
    if (family.gguf && name == family.gguf) return &family;
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
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.architecture);
  return one_of(names);
}

std::string supported_gguf_architectures() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    if (family.gguf) names.emplace_back(family.gguf);
  }
  return one_of(names);
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

std::string tensor_name(const char* pattern, int layer, const char* ending) {
  std::string name = pattern;
  const size_t mark = name.find('#');
  if (mark != std::string::npos) name.replace(mark, 1, std::to_string(layer));
  return name + ending;
}

}  // namespace ra
