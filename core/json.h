// The one reader for JSON that this program did not write. Strict: UTF-8, no BOM, no NUL, no duplicate keys, no
// trailing bytes, bounded depth and number of values; integers stay integers (2^64 is an error, not a double).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ra {

// A parsed JSON value. Object members keep their order of appearance.
// The typed accessors throw Error(bad_input) "<path>: found X; expected Y" with the path given to parse_json.
class Json {
 public:
  using Array = std::vector<Json>;
  struct Member;
  using Object = std::vector<Member>;
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value;

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  bool is_string() const { return std::holds_alternative<std::string>(value); }
  bool is_bool() const { return std::holds_alternative<bool>(value); }
  bool is_array() const { return std::holds_alternative<Array>(value); }
  bool is_object() const { return std::holds_alternative<Object>(value); }
  bool is_integer() const;  // non-negative ones are stored as uint64_t, negative ones as int64_t
  bool is_number() const;

  // The member, or null if this is no object or has no such member. Linear; for large objects walk object().
  const Json* find(std::string_view key) const;

  // `where` names the value in the error: "config.json: hidden_size".
  const std::string& string(std::string_view where) const;
  bool boolean(std::string_view where) const;
  uint64_t unsigned_integer(std::string_view where, uint64_t maximum = UINT64_MAX) const;
  int64_t integer(std::string_view where) const;
  double number(std::string_view where) const;      // integers are accepted; always finite
  std::string bytes(std::string_view where) const;  // what json_bytes() was given
  const Array& array(std::string_view where) const;
  const Object& object(std::string_view where) const;

  const char* type_name() const;  // "an object", "a string", ... for error sentences
};

struct Json::Member {
  std::string key;
  Json value;
};

struct JsonLimits {
  int max_depth = 64;
  size_t max_values = 4'000'000;  // values and keys; about 150 bytes each at worst
};

// Parses `text` whole. Errors are Error(bad_input) "<name>@<byte offset>: <found>; <expected>".
Json parse_json(std::string_view text, std::string_view name, const JsonLimits& limits = {});

// The value as JSON text, a newline at its end: of two spaces an indent, or on one line. All ASCII, so that nothing in a
// string steers a terminal; what is no UTF-8 becomes U+FFFD.
std::string json_text(const Json& json);
std::string json_line(const Json& json);

// Any bytes: a string where they are UTF-8, else {"hex": "ff"}.
Json json_bytes(std::string_view bytes);

}  // namespace ra
