#include "core/llm/shard_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/json.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxIndexBytes = 64 << 20;
constexpr size_t kMaxShards = 4096;
constexpr JsonLimits kIndexLimits{16, 1'000'000};

[[noreturn]] void fail(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", where, found, expected));
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of("/\\") == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

std::vector<std::string> ShardIndex::file_names() const {
  std::set<std::string> names;
  for (const auto& entry : files) names.insert(entry.second);
  return {names.begin(), names.end()};
}

ShardIndex read_shard_index(const InputFile& file) {
  const Json json = parse_json(file.read_text(kMaxIndexBytes), file.name(), kIndexLimits);
  json.object(file.name());
  ShardIndex index;
  const std::string where = file.name() + ": weight_map";
  const Json* map = json.find("weight_map");
  if (!map) fail(file.name(), "no weight_map", "one from tensors' names to files");
  for (const auto& [tensor, shard] : map->object(where)) {
    const std::string& name = shard.string(where + ", " + printable(tensor));
    if (!is_plain_name(name)) {
      fail(where + ", " + printable(tensor), fmt::format("\"{}\"", printable(name)),
           "the name of a file in the same folder");
    }
    index.files.emplace(tensor, name);
  }
  if (index.files.empty()) fail(where, "no tensors", "some");
  if (const size_t count = index.file_names().size(); count > kMaxShards) {
    fail(file.name(), fmt::format("{} files", count), fmt::format("at most {}", kMaxShards));
  }
  // Some files state it as a floating-point number; no reading depends on it.
  if (const Json* metadata = json.find("metadata")) {
    const Json* total = metadata->find("total_size");
    if (total && std::holds_alternative<uint64_t>(total->value)) {
      index.total_size = std::get<uint64_t>(total->value);
    }
  }
  return index;
}

}  // namespace ra
