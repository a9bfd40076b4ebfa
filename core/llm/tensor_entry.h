// A tensor as a file's own directory lists it, before it is known what the model needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/llm/checkpoint.h"

namespace ra {

struct TensorEntry {
  std::string name;
  std::string stored_type;         // as the file calls it: "BF16", "I64"
  std::optional<TensorType> type;  // none: a type that weights cannot have here
  std::vector<uint64_t> dims;      // the slowest first
  int file = 0;                    // index into Checkpoint::files
  uint64_t offset = 0;             // in that file
  uint64_t bytes = 0;
};

// Bounds the directory's memory; the largest published checkpoints have some 100,000 tensors.
inline constexpr uint64_t kMaxTensors = 250'000;

// A shape as error sentences show it: "[576, 1536]".
std::string dims_text(const std::vector<uint64_t>& dims);

}  // namespace ra
