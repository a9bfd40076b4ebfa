// model.safetensors.index.json as Hugging Face's save_pretrained writes it: which file holds which tensor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/llm/input_file.h"

namespace ra {

inline constexpr const char* kIndexName = "model.safetensors.index.json";

struct ShardIndex {
  std::map<std::string, std::string> files;  // tensor -> name of a file in the same folder
  std::optional<uint64_t> total_size;        // metadata.total_size: bytes of all tensors

  std::vector<std::string> file_names() const;  // each once, sorted
};

// Error(bad_input), also for a file name that leads out of the folder.
ShardIndex read_shard_index(const InputFile& file);

}  // namespace ra
