// Reads every byte of a checkpoint and says what is in it: a hash of each file and each tensor, values that are no
// numbers, and whether a folder's index agrees with its files. Nothing is taken from a cache.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/llm/checkpoint.h"

namespace ra {

struct CheckedTensor {
  std::string name;
  std::string type;            // as the file calls it
  std::vector<uint64_t> dims;  // the slowest first
  size_t file = 0;             // index into CheckpointCheck::files
  uint64_t bytes = 0;
  std::string sha256;  // of the raw bytes, hex
  // Values that are NaN and infinite; none for types that weights cannot have here.
  std::optional<uint64_t> nan, infinite;
};

struct CheckpointCheck {
  std::vector<CheckpointFile> files;  // those with tensors
  std::vector<std::string> sha256;    // of each file, hex
  std::vector<CheckedTensor> tensors;
  std::vector<std::string> findings;  // a sentence each; empty: all is well
};

// `path` is a GGUF file or a folder. `on_progress` is told bytes read and bytes to read, by one thread at a time.
// Error(bad_input) where there is nothing to check: no such file, a folder without weights.
CheckpointCheck check_checkpoint(const std::string& path,
                                 const std::function<void(uint64_t done, uint64_t total)>& on_progress);

}  // namespace ra
