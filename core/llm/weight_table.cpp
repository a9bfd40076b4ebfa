#include "core/llm/weight_table.h"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxWarnings = 8;

enum class Ending : uint8_t { weight, bias };

std::vector<uint64_t> expected_dims(const WeightName& weight, Ending ending, const ModelShape& shape) {
  if (ending == Ending::bias) return {static_cast<uint64_t>(extent_of(weight.rows, shape))};
  const auto columns = static_cast<uint64_t>(extent_of(weight.columns, shape));
  if (weight.rows == Extent::one) return {columns};
  return {static_cast<uint64_t>(extent_of(weight.rows, shape)), columns};
}

StoredTensor stored(const TensorEntry& entry) {
  StoredTensor tensor;
  tensor.name = entry.name;
  tensor.type = *entry.type;
  tensor.rows = entry.dims.size() == 2 ? static_cast<int64_t>(entry.dims[0]) : 1;
  tensor.columns = static_cast<int64_t>(entry.dims.back());
  tensor.file = entry.file;
  tensor.offset = entry.offset;
  tensor.bytes = entry.bytes;
  return tensor;
}

// Another bias, norm or adapter inside a layer would change the result. Tables of RoPE's frequencies, which
// old files carry, are computed here from the configuration.
bool changes_the_result(const std::string& name, CheckpointFormat format) {
  return name.starts_with(format == CheckpointFormat::gguf ? "blk." : "model.layers.") &&
         !name.ends_with(".rotary_emb.inv_freq") && !name.ends_with(".attn_rot_embd");
}

struct Place {
  Role role;
  int layer;
  int part;
  Ending ending;
};

// Where each of the model's weights is among the entries, in the entries' order.
class Finder {
 public:
  Finder(const std::vector<TensorEntry>& entries, const std::vector<std::string>& files,
         CheckpointFormat format, const Family& family, const ModelShape& shape)
      : entries_(entries), files_(files), format_(format), family_(family), shape_(shape) {
    for (size_t i = 0; i < entries.size(); ++i) by_name_.emplace(entries[i].name, i);
  }

  std::map<size_t, Place> find_all() const {
    std::map<size_t, Place> found;
    std::map<Role, int> parts;
    for (const WeightName& weight : weight_names(shape_)) {
      const int part = parts[weight.role]++;
      for (int layer = 0; layer < (has_layers(weight) ? shape_.layers : 1); ++layer) {
        found.emplace(find(weight, layer, Ending::weight), Place{weight.role, layer, part, Ending::weight});
        if (!has_bias(shape_, weight.role)) continue;
        found.emplace(find(weight, layer, Ending::bias), Place{weight.role, layer, part, Ending::bias});
      }
    }
    return found;
  }

  [[noreturn]] void fail(const TensorEntry& entry, const std::string& found,
                         const std::string& expected) const {
    throw Error(Exit::bad_input, fmt::format("{}: tensor {}: found {}; expected {}",
                                             printable(files_[static_cast<size_t>(entry.file)], 300),
                                             printable(entry.name), found, expected));
  }

 private:
  size_t find(const WeightName& weight, int layer, Ending ending) const {
    const std::string name = tensor_name(format_ == CheckpointFormat::gguf ? weight.gguf : weight.safetensors,
                                         layer, ending == Ending::bias ? ".bias" : ".weight");
    const auto entry = by_name_.find(name);
    if (entry == by_name_.end()) {
      throw Error(Exit::bad_input,
                  fmt::format("{}: found no tensor {}; expected the {} weights of a {} model with {} layers",
                              printable(files_.front(), 300), name, role_name(weight.role), family_.name,
                              shape_.layers));
    }
    const TensorEntry& tensor = entries_[entry->second];
    const std::vector<uint64_t> dims = expected_dims(weight, ending, shape_);
    if (tensor.dims != dims) fail(tensor, "shape " + dims_text(tensor.dims), "shape " + dims_text(dims));
    if (!tensor.type) fail(tensor, "type " + printable(tensor.stored_type), supported_types(false));
    return entry->second;
  }

  const std::vector<TensorEntry>& entries_;
  const std::vector<std::string>& files_;
  CheckpointFormat format_;
  const Family& family_;
  const ModelShape& shape_;
  std::unordered_map<std::string_view, size_t> by_name_;
};

}  // namespace

std::string dims_text(const std::vector<uint64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

WeightTable make_weight_table(const std::vector<TensorEntry>& entries, const std::vector<std::string>& files,
                              CheckpointFormat format, const Family& family, const ModelShape& shape) {
  const Finder finder(entries, files, format, family, shape);
  const std::map<size_t, Place> found = finder.find_all();
  WeightTable table;
  for (const auto& [index, place] : found) {
    WeightPlace& indices = table.places[{place.role, place.layer, place.part}];
    if (place.ending == Ending::bias) {
      indices.bias = table.tensors.size();
    } else {
      indices.weight = table.tensors.size();
    }
    table.tensors.push_back(stored(entries[index]));
  }
  size_t unused = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (found.contains(i)) continue;
    if (changes_the_result(entries[i].name, format)) {
      finder.fail(entries[i], "a weight that is no part of this model",
                  fmt::format("a {} model of {} layers without it", family.name, shape.layers));
    }
    if (++unused > kMaxWarnings) continue;
    table.warnings.push_back(fmt::format("tensor {} is not used", printable(entries[i].name)));
  }
  if (unused > kMaxWarnings) {
    table.warnings.push_back(fmt::format("{} more tensors are not used", unused - kMaxWarnings));
  }
  return table;
}

}  // namespace ra
