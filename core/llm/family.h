// THE table of model families: what a checkpoint calls its tensors in either format, and what shape they must
// have. A new family of the same structure is one line in family.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernels/ops.h"

namespace ra {

struct Family {
  const char* name;          // GGUF's general.architecture and config.json's model_type
  const char* architecture;  // the entry of config.json's architectures
  bool qk_norm;              // q and k go through a norm of head_dim weights each
  bool gguf_permutes_rows;   // GGUF stores q's and k's rows with the halves of each head interleaved
  int default_head_dim;      // where config.json has none; 0: hidden_size / num_attention_heads
};
std::span<const Family> families();
const Family* find_family(std::string_view name);
const Family* find_architecture(std::string_view architecture);
std::string supported_architectures();  // "LlamaForCausalLM, ..." for error sentences

// What one dimension of a tensor counts.
enum class Extent : uint8_t { one, hidden, q_rows, kv_rows, head_dim, ffn, vocab };
int extent_of(Extent extent, const ModelShape& shape);

// A weight's place in the model and its names; '#' stands for the layer. Several of one role are its parts,
// in order.
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
std::string name_in_layer(const char* pattern, int layer);

}  // namespace ra
