// THE table of model families: what a checkpoint calls its tensors in either format, and what shape they must
// have. A new family of the same structure is one line in family.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernels/ops.h"

namespace ra {

// Whether attention's projections add biases.
enum class AttentionBias : uint8_t {
  none,
  qkv,         // those of q, k and v
  configured,  // those of q, k, v and o where config.json's attention_bias says so; in GGUF, where the tensors are
};

// Whether attention looks back no further than config.json's sliding_window.
enum class SlidingWindow : uint8_t {
  stated,    // if there is one
  always,    // if there is none, 4096
  switched,  // only with use_sliding_window, in the layers from max_window_layers on
};

struct Family {
  const char* name;          // config.json's model_type
  const char* architecture;  // the entry of config.json's architectures
  const char* gguf;          // general.architecture; null: there such a model is one of another family
  bool qk_norm;              // q and k go through a norm of head_dim weights each
  AttentionBias bias;
  SlidingWindow window;
  bool gguf_permutes_rows;  // GGUF stores q's and k's rows with the halves of each head interleaved
  int default_head_dim;     // where config.json has none; 0: hidden_size / num_attention_heads
};
std::span<const Family> families();
const Family* find_gguf_architecture(std::string_view name);
const Family* find_architecture(std::string_view architecture);
// For error sentences: "LlamaForCausalLM, MistralForCausalLM or ..."; "llama, ..."
std::string supported_architectures();
std::string supported_gguf_architectures();

// What one dimension of a tensor counts.
enum class Extent : uint8_t { one, hidden, q_rows, kv_rows, head_dim, ffn, vocab };
int extent_of(Extent extent, const ModelShape& shape);

// A weight's place in the model and its names, which ".weight" follows, or ".bias" for what its product adds (has_bias);
// '#' stands for the layer. Several of one role are its parts, in order.
struct WeightName {
  Role role;
  const char* safetensors;
  const char* gguf;
  Extent rows;  // one: stored as a vector
  Extent columns;
  bool rotated;  // rows that RoPE turns
};
// The weights that a model of this shape has.
std::vector<WeightName> weight_names(const ModelShape& shape);
bool has_layers(const WeightName& weight);
// `pattern` with the layer in it, and its ending: "blk.3.attn_q.bias".
std::string tensor_name(const char* pattern, int layer, const char* ending);

}  // namespace ra
