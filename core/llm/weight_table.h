// Which stored tensor is which weight of the model: found by name, checked for shape and type.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/llm/family.h"
#include "core/llm/tensor_entry.h"

namespace ra {

enum class CheckpointFormat : uint8_t { gguf, safetensors };

// Indices into WeightTable::tensors.
struct WeightPlace {
  size_t weight = 0;
  std::optional<size_t> bias;
};

struct WeightTable {
  std::vector<StoredTensor> tensors;                         // the model's, in the order of `entries`
  std::map<std::tuple<Role, int, int>, WeightPlace> places;  // by role, layer, part
  std::vector<std::string> warnings;
};

// `files` are paths for messages. A missing weight, another shape or a type that weights cannot have is
// Error(bad_input); so is a tensor inside a layer that this family's forward pass would ignore. Others are
// warnings.
WeightTable make_weight_table(const std::vector<TensorEntry>& entries, const std::vector<std::string>& files,
                              CheckpointFormat format, const Family& family, const ModelShape& shape);

}  // namespace ra
