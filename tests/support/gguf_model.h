// A small model as a GGUF file, laid out as llama.cpp's converter (convert_hf_to_gguf.py) does it.
#pragma once

#include <string>
#include <vector>

#include "tests/support/checkpoint_files.h"
#include "tests/support/tiny_model.h"

namespace ra {

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> ne;  // the fastest first
  uint32_t type = 0;         // ggml's number; 0: F32
  std::string bytes;
};

struct GgufModel {
  GgufParts keys;
  std::vector<GgufTensor> tensors;

  GgufTensor& tensor(const std::string& name);
  std::string bytes() const;  // the file
};

// Weights in F32; an architecture of "llama" has the rows of q and k as pairs of a head's halves. No tokenizer.
GgufModel gguf_of(const TinyModel& model, const std::string& architecture);

}  // namespace ra
