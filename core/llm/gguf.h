// GGUF version 3 (ggml's docs/gguf.md): metadata and the tensors' directory. Every count and length is
// checked against the bytes that remain before anything is allocated. Error(bad_input) names file, offset,
// what was found and expected.
#pragma once

#include <vector>

#include "core/llm/gguf_metadata.h"
#include "core/llm/input_file.h"
#include "core/llm/tensor_entry.h"

namespace ra {

struct GgufFile {
  GgufMetadata metadata;
  std::vector<TensorEntry> tensors;  // in file order; file is 0
};
GgufFile read_gguf(const InputFile& file);

}  // namespace ra
