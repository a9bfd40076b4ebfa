#include "core/llm/gguf_split.h"

#include <fmt/format.h>

#include <filesystem>
#include <unordered_set>

#include "core/error.h"
#include "core/llm/model_folder.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kDigits = 5;        // llama.cpp's "%s-%05d-of-%05d.gguf"
constexpr uint64_t kMaxParts = 512;  // all are open at once
constexpr const char *kNumber = "split.no", *kCount = "split.count", *kTensors = "split.tensors.count";

[[noreturn]] void fail(const std::string& where, const std::string& found, const std::string& expected) {
  throw Error(Exit::bad_input, fmt::format("{}: found {}; expected {}", where, found, expected));
}

std::optional<uint64_t> parse_digits(const std::string& text, size_t at) {
  if (text.size() < at + kDigits) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = at; i < at + kDigits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return value;
}

uint64_t required(const GgufMetadata& metadata, const char* key) {
  const auto value = metadata.integer(key);
  if (!value) fail(metadata.file_name(), fmt::format("no {}", key), "it in every part of a model");
  return *value;
}

// A later part says of the model what the first one says, or nothing.
void check_metadata(const GgufMetadata& part, const GgufMetadata& first) {
  for (const auto& [key, value] : part.values()) {
    if (key == kNumber) continue;
    const auto same = first.values().find(key);
    if (same == first.values().end() || !(same->second == value)) {
      fail(part.file_name(), fmt::format("another {} than in {}", printable(key), first.file_name()),
           "parts of one model");
    }
  }
}

}  // namespace

std::string SplitName::text() const {
  return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, number, count);
}

std::optional<SplitName> parse_split_name(const std::string& name) {
  constexpr size_t kNumberAt = 1, kOfAt = kNumberAt + kDigits, kCountAt = kOfAt + 4,
                   kEndAt = kCountAt + kDigits;
  constexpr size_t kSuffix = kEndAt + 5;
  if (name.size() <= kSuffix) return std::nullopt;
  const std::string suffix = name.substr(name.size() - kSuffix);
  const auto number = parse_digits(suffix, kNumberAt), count = parse_digits(suffix, kCountAt);
  if (suffix[0] != '-' || suffix.substr(kOfAt, 4) != "-of-" || suffix.substr(kEndAt) != ".gguf" || !number ||
      !count) {
    return std::nullopt;
  }
  return SplitName{name.substr(0, name.size() - kSuffix), *number, *count};
}

void read_other_parts(GgufFile& gguf, std::vector<InputFile>& files) {
  const GgufMetadata& first = gguf.metadata;
  const uint64_t count = first.integer(kCount).value_or(1);
  if (count == 1 || (count == 0 && !first.has(kNumber))) return;
  const std::filesystem::path path = files.front().path();
  const std::string shown = files.front().name();  // `files` grows
  if (count == 0 || count > kMaxParts) {
    fail(shown, fmt::format("{} {}", kCount, count), fmt::format("1 to {}", kMaxParts));
  }
  std::optional<SplitName> name = parse_split_name(path.filename().string());
  if (!name || name->count != count) {
    fail(shown, fmt::format("one of {} parts", count), SplitName{"a name that ends in ", 1, count}.text());
  }
  const uint64_t number = required(first, kNumber);
  if (number != 0) {
    name->number = 1;
    fail(shown, fmt::format("part {} of {}", number + 1, count), "the first, " + printable(name->text()));
  }

  const ModelFolder folder(path.has_parent_path() ? path.parent_path().string() : ".");
  std::unordered_set<std::string> names;
  for (const TensorEntry& tensor : gguf.tensors) names.insert(tensor.name);
  for (uint64_t i = 1; i < count; ++i) {
    name->number = i + 1;
    files.push_back(folder.open(name->text()));
    const InputFile& file = files.back();
    GgufFile part = read_gguf(file);
    if (const uint64_t stated = required(part.metadata, kNumber); stated != i) {
      fail(file.name(), fmt::format("{} {}", kNumber, stated), fmt::format("{}", i));
    }
    required(part.metadata, kCount);
    required(part.metadata, kTensors);
    check_metadata(part.metadata, first);
    for (TensorEntry& tensor : part.tensors) {
      if (!names.insert(tensor.name).second) {
        fail(file.name(), fmt::format("tensor {} again", printable(tensor.name)), "it in one part");
      }
      tensor.file = static_cast<int>(i);
      gguf.tensors.push_back(std::move(tensor));
    }
    if (gguf.tensors.size() > kMaxTensors) {
      fail(file.name(), fmt::format("more than {} tensors", kMaxTensors), "fewer");
    }
  }
  if (const uint64_t stated = required(first, kTensors); stated != gguf.tensors.size()) {
    fail(shown, fmt::format("{} {}", kTensors, stated),
         fmt::format("{}, as the parts have together", gguf.tensors.size()));
  }
}

}  // namespace ra
