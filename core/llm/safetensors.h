// The header of a safetensors file, by the format's own rules (its README and safetensors' validation):
// contiguous tensors from the data's start to the file's end, no duplicate key, no hole, no overlap.
#pragma once

#include <vector>

#include "core/llm/input_file.h"
#include "core/llm/tensor_entry.h"

namespace ra {

// Its tensors in file order, with `file_index` as their file. Error(bad_input) "<file>[@offset]: <found>;
// <expected>".
std::vector<TensorEntry> read_safetensors(const InputFile& file, int file_index);

}  // namespace ra
