// What a checkpoint's own configuration says: config.json as Hugging Face writes it (old keys and new), or
// GGUF's metadata. Values are checked one by one and against each other; what the forward pass does not
// compute is refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/llm/checkpoint.h"
#include "core/llm/family.h"
#include "core/llm/gguf.h"

namespace ra {

struct ModelConfig {
  const Family* family = nullptr;
  ModelShape shape;  // tied: as the configuration says; a GGUF file is tied if it has no output.weight
  std::vector<int32_t> stop_tokens;
};

// `file` is the path for messages.
ModelConfig config_from_json(const Json& config, const std::string& file);
ModelConfig config_from_gguf(const GgufFile& gguf);
TokenizerSource tokenizer_from_gguf(const GgufMetadata& metadata);

// Adds the ids of config.json's or generation_config.json's eos_token_id: one, a list, or null.
void add_stop_tokens(const Json& config, const std::string& file, std::vector<int32_t>& stop_tokens);

// Checks that hold for every family and format.
void check_shape(const ModelShape& shape, const std::string& file);
void check_stop_tokens(const std::vector<int32_t>& stop_tokens, int vocab, const std::string& file);

// Bounds of single values: the largest published models stay well below; products of two fit an int.
inline constexpr uint64_t kMaxLayers = 4096, kMaxHidden = 1 << 17, kMaxHeads = 1024, kMaxHeadDim = 1024,
                          kMaxFfn = 1 << 20, kMaxVocab = 1 << 22, kMaxPositions = 1 << 30;

}  // namespace ra
