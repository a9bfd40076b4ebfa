// A value's typed accessors, and how it holds bytes that are no text.
#include "core/json.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "core/error.h"
#include "core/printable.h"
#include "core/utf8.h"

namespace ra {
namespace {

[[noreturn]] void fail_type(std::string_view where, std::string_view found, std::string_view expected) {
  throw Error(Exit::bad_input,
              fmt::format("{}: found {}; expected {}", printable(where, 300), found, expected));
}

// The text of a scalar for an error sentence; of a container, what it is.
std::string shown(const Json& json) {
  if (const auto* integer = std::get_if<int64_t>(&json.value)) return fmt::format("{}", *integer);
  if (const auto* natural = std::get_if<uint64_t>(&json.value)) return fmt::format("{}", *natural);
  if (const auto* number = std::get_if<double>(&json.value)) return fmt::format("{:#}", *number);
  if (const auto* text = std::get_if<std::string>(&json.value))
    return fmt::format("\"{}\"", printable(*text));
  if (const auto* flag = std::get_if<bool>(&json.value)) return *flag ? "true" : "false";
  return json.type_name();
}

std::string hex_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

// Absent where the text is no whole bytes in lower-case hexadecimal.
std::optional<std::string> hex_bytes(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() % 2 != 0 || text.find_first_not_of(kDigits) != text.npos) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2)
    bytes += static_cast<char>(kDigits.find(text[i]) << 4 | kDigits.find(text[i + 1]));
  return bytes;
}

}  // namespace

bool Json::is_integer() const {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<uint64_t>(value);
}
bool Json::is_number() const {
  return is_integer() || std::holds_alternative<double>(value);
}

const Json* Json::find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value);
  if (members == nullptr) return nullptr;
  for (const auto& [name, member] : *members) {
    if (name == key) return &member;
  }
  return nullptr;
}

const std::string& Json::string(std::string_view where) const {
  if (!is_string()) fail_type(where, shown(*this), "a string");
  return std::get<std::string>(value);
}

bool Json::boolean(std::string_view where) const {
  if (!is_bool()) fail_type(where, shown(*this), "true or false");
  return std::get<bool>(value);
}

uint64_t Json::unsigned_integer(std::string_view where, uint64_t maximum) const {
  const auto* natural = std::get_if<uint64_t>(&value);
  if (natural == nullptr || *natural > maximum) {
    fail_type(where, shown(*this), fmt::format("an integer from 0 to {}", maximum));
  }
  return *natural;
}

int64_t Json::integer(std::string_view where) const {
  if (const auto* negative = std::get_if<int64_t>(&value)) return *negative;
  const auto* natural = std::get_if<uint64_t>(&value);
  if (natural == nullptr || *natural > INT64_MAX)
    fail_type(where, shown(*this), "an integer of 64 bits with a sign");
  return static_cast<int64_t>(*natural);
}

double Json::number(std::string_view where) const {
  if (const auto* negative = std::get_if<int64_t>(&value)) return static_cast<double>(*negative);
  if (const auto* natural = std::get_if<uint64_t>(&value)) return static_cast<double>(*natural);
  const auto* real = std::get_if<double>(&value);
  if (real == nullptr) fail_type(where, shown(*this), "a number");
  return *real;
}

std::string Json::bytes(std::string_view where) const {
  if (is_string()) return std::get<std::string>(value);
  const Json* digits = find("hex");
  const std::string* text = digits != nullptr ? std::get_if<std::string>(&digits->value) : nullptr;
  std::optional<std::string> bytes = text != nullptr ? hex_bytes(*text) : std::nullopt;
  if (!bytes || object(where).size() != 1) fail_type(where, shown(*this), "a string or {\"hex\": DIGITS}");
  return std::move(*bytes);
}

const Json::Array& Json::array(std::string_view where) const {
  if (!is_array()) fail_type(where, shown(*this), "an array");
  return std::get<Array>(value);
}

const Json::Object& Json::object(std::string_view where) const {
  if (!is_object()) fail_type(where, shown(*this), "an object");
  return std::get<Object>(value);
}

const char* Json::type_name() const {
  constexpr const char* kNames[] = {"null",     "true or false", "an integer", "an integer",
                                    "a number", "a string",      "an array",   "an object"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(value)>);
  return kNames[value.index()];
}

Json json_bytes(std::string_view bytes) {
  if (valid_utf8_prefix(bytes) == bytes.size()) return Json{std::string(bytes)};
  return Json{Json::Object{{"hex", Json{hex_text(bytes)}}}};
}

}  // namespace ra
