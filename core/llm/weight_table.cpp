#include "core/llm/weight_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/json.h"

namespace ra {
namespace {

constexpr size_t kMaxWarnings = 8;

std::vector<uint64_t> expected_dims(const WeightName& weight, const ModelShape& shape) {
  const auto columns = static_cast<uint64_t>(extent_of(weight.columns, shape));
  if (weight.rows == Extent::one) return {columns};
  return {static_cast<uint64_t>(extent_of(weight.rows, shape)), columns};
}

StoredTensor stored(const TensorEntry& entry, const std::vector<uint64_t>& dims) {
  StoredTensor tensor;
  tensor.name = entry.name;
  tensor.type = *entry.type;
  tensor.rows = dims.size() == 2 ? static_cast<int64_t>(dims[0]) : 1;
  tensor.columns = static_cast<int64_t>(dims.back());
  tensor.file = entry.file;
  tensor.offset = entry.offset;
  tensor.bytes = entry.bytes;
  return tensor;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A bias, a norm or an adapter inside a layer would change the result. Tables of RoPE's frequencies, which
// old files carry, are computed here from the configuration.
bool changes_the_result(const std::string& name, CheckpointFormat format) {
  const std::string_view layers = format == CheckpointFormat::gguf ? "blk." : "model.layers.";
  return std::string_view(name).substr(0, layers.size()) == layers &&
         !ends_with(name, ".rotary_emb.inv_freq") && !ends_with(name, ".attn_rot_embd");
}

}  // namespace

std::string dims_text(const std::vector<uint64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

WeightTable make_weight_table(const std::vector<TensorEntry>& entries, const std::vector<std::string>& files,
                              CheckpointFormat format, const Family& family, const ModelShape& shape) {
  const auto fail = [&](const TensorEntry& entry, const std::string& found, const std::string& expected) {
    throw Error(Exit::bad_input, fmt::format("{}: tensor {}: found {}; expected {}",
                                             printable(files[static_cast<size_t>(entry.file)], 300),
                                             printable(entry.name), found, expected));
  };
  std::unordered_map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < entries.size(); ++i) by_name.emplace(entries[i].name, i);

  struct Place {
    Role role;
    int layer;
    int part;
  };
  std::vector<std::pair<size_t, Place>> found;  // entry -> its place
  std::vector<bool> used(entries.size(), false);
  const std::vector<WeightName> names = weight_names(shape);
  for (size_t w = 0; w < names.size(); ++w) {
    const WeightName& weight = names[w];
    int part = 0;
    for (size_t before = 0; before < w; ++before) part += names[before].role == weight.role ? 1 : 0;
    for (int layer = 0; layer < (has_layers(weight) ? shape.layers : 1); ++layer) {
      const std::string name =
          name_in_layer(format == CheckpointFormat::gguf ? weight.gguf : weight.safetensors, layer);
      const auto entry = by_name.find(name);
      if (entry == by_name.end()) {
        throw Error(Exit::bad_input,
                    fmt::format("{}: no tensor {}; expected the {} weights of a {} model with {} layers",
                                printable(files.front(), 300), name, role_name(weight.role), family.name,
                                shape.layers));
      }
      const TensorEntry& tensor = entries[entry->second];
      const std::vector<uint64_t> dims = expected_dims(weight, shape);
      if (tensor.dims != dims) fail(tensor, "shape " + dims_text(tensor.dims), "shape " + dims_text(dims));
      if (!tensor.type) fail(tensor, "type " + printable(tensor.stored_type), "F32, F16 or BF16");
      used[entry->second] = true;
      found.push_back({entry->second, {weight.role, layer, part}});
    }
  }

  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  WeightTable table;
  for (const auto& [index, place] : found) {
    table.places[{place.role, place.layer, place.part}] = table.tensors.size();
    table.tensors.push_back(stored(entries[index], entries[index].dims));
  }
  size_t unused = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (used[i]) continue;
    if (changes_the_result(entries[i].name, format)) {
      fail(entries[i], "a weight that is no part of this model",
           fmt::format("a {} model of {} layers without it", family.name, shape.layers));
    }
    if (++unused <= kMaxWarnings)
      table.warnings.push_back(fmt::format("tensor {} is not used", printable(entries[i].name)));
  }
  if (unused > kMaxWarnings)
    table.warnings.push_back(fmt::format("{} more tensors are not used", unused - kMaxWarnings));
  return table;
}

}  // namespace ra
