// A model in several GGUF files, as llama.cpp splits it: "<name>-00001-of-00003.gguf" and so on, each with split.no (from
// 0), split.count and split.tensors.count (of all parts together). The first part has the metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/llm/gguf.h"
#include "core/llm/input_file.h"

namespace ra {

struct SplitName {
  std::string prefix;   // "<name>"
  uint64_t number = 0;  // from 1
  uint64_t count = 0;

  std::string text() const;
};
std::optional<SplitName> parse_split_name(const std::string& name);

// If `gguf`, read from the only one of `files`, is the first part of several: opens the others, which lie in the same
// folder, checks all against each other, and adds them to `files` and their tensors to `gguf`. Error(bad_input).
void read_other_parts(GgufFile& gguf, std::vector<InputFile>& files);

}  // namespace ra
