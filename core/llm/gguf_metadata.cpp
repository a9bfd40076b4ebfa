#include "core/llm/gguf_metadata.h"

#include <fmt/format.h>

#include <iterator>

#include "core/error.h"
#include "core/printable.h"

namespace ra {

const char* gguf_type_name(uint32_t type) {
  constexpr const char* kNames[] = {"uint8", "int8",   "uint16", "int16",  "uint32", "int32",  "float32",
                                    "bool",  "string", "array",  "uint64", "int64",  "float64"};
  return type < std::size(kNames) ? kNames[type] : "unknown type";
}

const GgufValue* GgufMetadata::find(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void GgufMetadata::fail(const std::string& key, const GgufValue& found, const char* expected) const {
  std::string text = gguf_type_name(found.type);
  if (const auto* array = std::get_if<GgufArray>(&found.value))
    text += std::string(" of ") + gguf_type_name(array->type);
  if (const auto* number = std::get_if<int64_t>(&found.value)) text += fmt::format(" {}", *number);
  throw Error(Exit::bad_input,
              fmt::format("{}: {}: found {}; expected {}", file_name_, printable(key), text, expected));
}

std::optional<uint64_t> GgufMetadata::integer(const std::string& key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  if (const auto* number = std::get_if<uint64_t>(&value->value)) return *number;
  const auto* number = std::get_if<int64_t>(&value->value);
  if (!number || *number < 0) fail(key, *value, "an integer that is not negative");
  return static_cast<uint64_t>(*number);
}

std::optional<double> GgufMetadata::number(const std::string& key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  const auto* number = std::get_if<double>(&value->value);
  if (!number) fail(key, *value, "a floating-point number");
  return *number;
}

std::optional<bool> GgufMetadata::boolean(const std::string& key) const {
  const GgufValue* value = find(key);
  if (!value) return std::nullopt;
  const auto* flag = std::get_if<bool>(&value->value);
  if (!flag) fail(key, *value, "a boolean");
  return *flag;
}

const std::string* GgufMetadata::string(const std::string& key) const {
  const GgufValue* value = find(key);
  if (!value) return nullptr;
  const auto* text = std::get_if<std::string>(&value->value);
  if (!text) fail(key, *value, "a string");
  return text;
}

const GgufArray* GgufMetadata::array(const std::string& key, uint32_t element_type) const {
  const GgufValue* value = find(key);
  if (!value) return nullptr;
  const auto* array = std::get_if<GgufArray>(&value->value);
  if (!array || array->type != element_type) {
    fail(key, *value, fmt::format("an array of {}", gguf_type_name(element_type)).c_str());
  }
  return array;
}

}  // namespace ra
