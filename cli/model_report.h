// What `repro-audit model` says, besides its plain text: the same as JSON, and what a check of every byte found.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/llm/arms.h"
#include "core/llm/checkpoint.h"
#include "core/llm/checkpoint_check.h"
#include "core/llm/tokenizer.h"

namespace ra {

struct TypeTotal {
  TensorType type = TensorType::f32;
  int tensors = 0;
  uint64_t bytes = 0;
};
// The types that hold a checkpoint's weights, the one of most bytes first.
std::vector<TypeTotal> type_totals(const Checkpoint& checkpoint);
int64_t weight_count(const Checkpoint& checkpoint);

// What the memory is stated for: both arms of an audit of 32 sequences at once, with 256 positions each.
inline constexpr int kStatedSequences = 32, kStatedPositions = 256;
ArmsSpec stated_arms();

// `tokenizer` may be null; `hash_cache` as Checkpoint::sha256 takes it.
Json model_json(const Checkpoint& checkpoint, const Tokenizer* tokenizer, const std::string& hash_cache);
Json check_json(const CheckpointCheck& check);
std::string check_text(const CheckpointCheck& check);

}  // namespace ra
