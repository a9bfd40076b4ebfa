// nlohmann's SAX parser reads the bytes (it is iterative: depth costs no stack); this file builds the value
// and refuses what the parser would let pass: BOM, embedded NUL, duplicate keys, integers beyond 64 bits,
// depth and size without end.
#include "core/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"

namespace ra {
namespace {

// Walks the text and tells how far the lexer has read, which SAX events do not say.
class TrackedIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackedIterator(const char* at, size_t* bytes_read) : at_(at), bytes_read_(bytes_read) {}
  reference operator*() const { return *at_; }
  TrackedIterator& operator++() {
    ++at_;
    ++*bytes_read_;
    return *this;
  }
  TrackedIterator operator++(int) {
    TrackedIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const TrackedIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  size_t* bytes_read_;
};

class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view name, size_t text_bytes, const JsonLimits& limits, const size_t& bytes_read)
      : name_(name), text_bytes_(text_bytes), limits_(limits), bytes_read_(bytes_read) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(Json{}); }
  bool boolean(bool value) override { return add(Json{value}); }
  bool number_integer(int64_t value) override {
    return value < 0 ? add(Json{value}) : add(Json{static_cast<uint64_t>(value)});
  }
  bool number_unsigned(uint64_t value) override { return add(Json{value}); }
  bool number_float(double value, const std::string& literal) override {
    if (literal.find_first_of(".eE") == std::string::npos) {
      fail(last_byte(), "integer " + printable(literal), "an integer of at most 64 bits");
    }
    return add(Json{value});
  }
  bool string(std::string& value) override { return add(Json{std::move(value)}); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // JSON text has none

  bool start_object(size_t) override { return open(Json{Json::Object{}}); }
  bool key(std::string& value) override {
    count();
    open_.back().key = std::move(value);
    return true;
  }
  bool end_object() override {
    refuse_duplicate_keys(open_.back());
    return close();
  }
  bool start_array(size_t) override { return open(Json{Json::Array{}}); }
  bool end_array() override { return close(); }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) override {
    const size_t offset = std::min(position == 0 ? 0 : position - 1, text_bytes_);
    if (error.id == 406) fail(offset, "number beyond a double's range", "a finite number");
    // "[...] parse error at ...: syntax error while parsing C - FOUND[; last read: 'T'][; expected E]"
    std::string_view message = error.what();
    if (const size_t dash = message.find(" - "); dash != message.npos) message.remove_prefix(dash + 3);
    std::string expected = "valid JSON";
    if (const size_t at = message.rfind("; expected "); at != message.npos) {
      expected = printable(message.substr(at + strlen("; expected ")));
      message = message.substr(0, at);
    }
    fail(offset, printable(message.substr(0, message.find("; last read:"))), expected);
  }

 private:
  struct Open {
    Json value;
    std::string key;  // of the member that is being read
    size_t offset;    // of the opening bracket
  };

  [[noreturn]] void fail(size_t offset, std::string_view found, std::string_view expected) const {
    throw Error(Exit::bad_input, fmt::format("{}@{}: {}; expected {}", name_, offset, found, expected));
  }
  size_t last_byte() const { return bytes_read_ == 0 ? 0 : bytes_read_ - 1; }

  void count() {
    if (++values_ > limits_.max_values) {
      fail(last_byte(), fmt::format("more than {} values and keys", limits_.max_values), "fewer");
    }
  }

  bool add(Json value) {
    count();
    place(std::move(value));
    return true;
  }
  void place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = std::get_if<Json::Array>(&open_.back().value.value)) {
      array->push_back(std::move(value));
    } else {
      std::get<Json::Object>(open_.back().value.value)
          .push_back({std::move(open_.back().key), std::move(value)});
    }
  }

  bool open(Json container) {
    count();
    if (open_.size() >= static_cast<size_t>(limits_.max_depth)) {
      fail(last_byte(), fmt::format("more than {} levels of nesting", limits_.max_depth), "fewer");
    }
    open_.push_back({std::move(container), {}, last_byte()});
    return true;
  }
  bool close() {
    Json container = std::move(open_.back().value);
    open_.pop_back();
    place(std::move(container));
    return true;
  }

  // Sorted rather than hashed: no choice of keys makes it slow.
  void refuse_duplicate_keys(const Open& object) const {
    const auto& members = std::get<Json::Object>(object.value.value);
    if (members.size() < 2) return;
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& member : members) keys.push_back(member.key);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) {
      fail(object.offset, fmt::format("an object with two members \"{}\"", printable(*twice)),
           "distinct keys");
    }
  }

  std::string_view name_;
  size_t text_bytes_;
  const JsonLimits& limits_;
  const size_t& bytes_read_;
  size_t values_ = 0;
  std::vector<Open> open_;
  Json root_;
};

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

struct CodePoint {
  char32_t value = 0;
  size_t bytes = 1;
};

// The strict UTF-8 character at the front of `text` (not empty), if there is one (Unicode 15, table 3-7).
std::optional<CodePoint> front_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return CodePoint{lead, 1};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return std::nullopt;
  char32_t value = lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return std::nullopt;
  return CodePoint{value, bytes};
}

// Controls, and what changes a line's look without being seen: bidi marks, zero-width characters, separators,
// tags.
bool must_escape(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
      {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
      {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
  };
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range.first && c <= range.second; });
}

std::string escaped(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  return fmt::format("\\u{{{:x}}}", static_cast<uint32_t>(c));
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

nlohmann::ordered_json tree_of(const Json& json) {
  return std::visit(
      [](const auto& value) -> nlohmann::ordered_json {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<Value, Json::Array>) {
          auto array = nlohmann::ordered_json::array();
          for (const Json& element : value) array.push_back(tree_of(element));
          return array;
        } else if constexpr (std::is_same_v<Value, Json::Object>) {
          auto object = nlohmann::ordered_json::object();
          for (const auto& [key, member] : value) object[key] = tree_of(member);
          return object;
        } else {
          return value;
        }
      },
      json.value);
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

Json parse_json(std::string_view text, std::string_view name, const JsonLimits& limits) {
  const std::string shown_name = printable(name, 300);
  const auto fail = [&](size_t offset, const char* found, const char* expected) {
    throw Error(Exit::bad_input, fmt::format("{}@{}: {}; expected {}", shown_name, offset, found, expected));
  };
  // The parser would skip the one and take the other for the end.
  if (text.substr(0, 3) == "\xef\xbb\xbf") fail(0, "a byte order mark", "JSON in UTF-8 without one");
  if (const size_t nul = text.find('\0'); nul != text.npos) fail(nul, "a NUL byte", "valid JSON");

  size_t bytes_read = 0;
  TreeBuilder builder(shown_name, text.size(), limits, bytes_read);
  const bool complete =
      nlohmann::json::sax_parse(TrackedIterator(text.data(), &bytes_read),
                                TrackedIterator(text.data() + text.size(), &bytes_read), &builder);
  check(complete, "a JSON parser that reports its errors");
  return builder.take();
}

std::string json_text(const Json& json) {
  return tree_of(json).dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string json_line(const Json& json) {
  return tree_of(json).dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Json json_bytes(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::optional<CodePoint> character = front_character(rest);
    if (!character) return Json{Json::Object{{"hex", Json{hex_text(bytes)}}}};
    rest.remove_prefix(character->bytes);
  }
  return Json{std::string(bytes)};
}

std::string printable(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kCut = "...";
  std::string out;
  size_t keep = 0;  // bytes of `out` that leave room for the cut mark
  while (!text.empty()) {
    const std::optional<CodePoint> character = front_character(text);
    if (!character) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text.front()));
    } else if (must_escape(character->value)) {
      out += escaped(character->value);
    } else {
      out += text.substr(0, character->bytes);
    }
    if (out.size() > max_bytes) {
      out.resize(keep);
      out += kCut.substr(0, max_bytes - keep);
      return out;
    }
    if (out.size() + kCut.size() <= max_bytes) keep = out.size();
    text.remove_prefix(character ? character->bytes : 1);
  }
  return out;
}

}  // namespace ra
