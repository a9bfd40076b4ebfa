// nlohmann's SAX parser reads the bytes (it is iterative: depth costs no stack); this file builds the value
// and refuses what the parser would let pass: BOM, embedded NUL, duplicate keys, integers beyond 64 bits,
// depth and size without end.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/printable.h"

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

}  // namespace

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

}  // namespace ra
