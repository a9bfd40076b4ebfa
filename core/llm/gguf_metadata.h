// The metadata of a GGUF file, read and typed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ra {

// Value types by their numbers in the file (gguf.md).
inline constexpr uint32_t kGgufInt32 = 5, kGgufFloat32 = 6, kGgufBool = 7, kGgufString = 8, kGgufArray = 9;
const char* gguf_type_name(uint32_t type);

// An array of metadata. Only the tokenizer's are kept; of others the type and count remain.
struct GgufArray {
  uint32_t type = 0;  // of its elements
  uint64_t count = 0;
  std::vector<std::string> strings;
  std::vector<int32_t> integers;
  std::vector<float> floats;

  bool operator==(const GgufArray&) const = default;
};

struct GgufValue {
  uint32_t type = 0;  // as in the file
  std::variant<bool, uint64_t, int64_t, double, std::string, GgufArray> value;

  bool operator==(const GgufValue&) const = default;
};

// The metadata of one file. Getters return none for an absent key and throw Error(bad_input) for one of
// another type.
class GgufMetadata {
 public:
  explicit GgufMetadata(std::string file_name) : file_name_(std::move(file_name)) {}
  bool add(std::string key, GgufValue value) {
    return values_.emplace(std::move(key), std::move(value)).second;
  }

  bool has(const std::string& key) const { return values_.count(key) != 0; }
  std::optional<uint64_t> integer(const std::string& key) const;  // any integer type, if not negative
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  const std::string* string(const std::string& key) const;
  const GgufArray* array(const std::string& key, uint32_t element_type) const;
  const std::map<std::string, GgufValue>& values() const { return values_; }
  const std::string& file_name() const { return file_name_; }  // safe in a message

 private:
  const GgufValue* find(const std::string& key) const;
  [[noreturn]] void fail(const std::string& key, const GgufValue& found, const char* expected) const;

  std::string file_name_;
  std::map<std::string, GgufValue> values_;
};

}  // namespace ra
