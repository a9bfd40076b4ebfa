// What opening either format yields: open files, the tensors they list, the configuration and the tokenizer's
// source.
#pragma once

#include <string>
#include <vector>

#include "core/llm/config.h"
#include "core/llm/input_file.h"
#include "core/llm/weight_table.h"

namespace ra {

struct CheckpointSource {
  CheckpointFormat format = CheckpointFormat::gguf;
  std::vector<InputFile> files;  // those with tensors first; the SHA-256 covers all
  std::vector<TensorEntry> tensors;
  ModelConfig config;
  TokenizerSource tokenizer;
  std::vector<std::string> warnings;
};

CheckpointSource open_gguf(InputFile file);
CheckpointSource open_folder(const std::string& path);
// A folder, or a configuration alone, without the weights and what lists them: `tensors` stays empty.
CheckpointSource open_weightless(const std::string& path);

}  // namespace ra
