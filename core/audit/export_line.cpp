#include "core/audit/export_line.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/hash.h"
#include "core/printable.h"

namespace ra {
namespace {

// A stream of 100,000 tokens has 900,000.
constexpr JsonLimits kLineLimits{.max_depth = 8, .max_values = 2'000'000};

}  // namespace

ExportLine::ExportLine(std::string_view text, const std::string& where)
    : where_(where), json_(parse_json(text, where, kLineLimits)) {
  kind_ = this->text("kind");
}

void ExportLine::refuse(const std::string& found, const std::string& expected) const {
  throw Error(Exit::bad_input, where_ + ": " + found + "; expected " + expected);
}

const Json& ExportLine::take(const char* name) {
  json_.object(where_);
  const Json* found = json_.find(name);
  if (found == nullptr) refuse(std::string("no member ") + name, "one");
  ++taken_;
  return *found;
}

std::string ExportLine::time(const char* name) {
  const std::string value = text(name);
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  const auto fits = [](char c, char form) { return form == '0' ? c >= '0' && c <= '9' : c == form; };
  if (value.size() != kForm.size() || !std::equal(value.begin(), value.end(), kForm.begin(), fits))
    refuse(std::string(name) + " \"" + printable(value) + "\"", "a time such as 2026-11-22T08:00:00Z");
  return value;
}

int32_t ExportLine::number(const Json& json, const char* name, int32_t minimum) const {
  const int64_t value = json.integer(where(name));
  if (value < minimum || value > std::numeric_limits<int32_t>::max()) {
    refuse(std::string(name) + " " + std::to_string(value),
           std::to_string(minimum) + " to " + std::to_string(std::numeric_limits<int32_t>::max()));
  }
  return static_cast<int32_t>(value);
}

std::vector<int32_t> ExportLine::numbers(const Json& json, const char* name, int32_t minimum) const {
  std::vector<int32_t> values;
  for (const Json& value : json.array(where(name))) values.push_back(number(value, name, minimum));
  return values;
}

std::map<std::string, std::string> ExportLine::words(const Json& json, const char* name) const {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : json.object(where(name))) values[key] = value.bytes(where(name));
  return values;
}

const Json::Array& ExportLine::entry(const Json& json, const char* name, size_t size) const {
  const Json::Array& values = json.array(where(name));
  if (values.size() != size) {
    refuse(std::string(name) + " with an entry of " + std::to_string(values.size()) + " values",
           std::to_string(size));
  }
  return values;
}

void ExportLine::check_taken() const {
  if (taken_ != json_.object(where_).size()) refuse("a member that this version does not know", "none");
}

ExportLines::ExportLines(std::string_view text, const std::string& name)
    : text_(text), name_(printable(name, 300)) {
  if (text.empty() || text.back() != '\n') refuse("no end of line at its end", "a whole export file");
  const size_t before = text.substr(0, text.size() - 1).rfind('\n');
  const std::string_view lines = before == text.npos ? "" : text.substr(0, before + 1);
  ExportLine end(text.substr(lines.size()), name_ + ": last line");
  if (end.kind() != "end")
    end.refuse("kind \"" + printable(end.kind()) + "\"", "end, of a whole export file");
  const int64_t count = end.take("lines").integer(end.where("lines"));
  const std::string hash = end.text("sha256");
  end.check_taken();
  if (count != std::count(lines.begin(), lines.end(), '\n') || hash != hex(sha256(lines)))
    refuse("other lines than its last one has the number and SHA-256 of", "an export file, unchanged");
  advance();
}

void ExportLines::refuse(const std::string& found, const std::string& expected) const {
  throw Error(Exit::bad_input, name_ + ": " + found + "; expected " + expected);
}

void ExportLines::require(const char* kind) const {
  if (!is(kind)) line_.refuse("kind \"" + printable(line_.kind()) + "\"", kind);
}

void ExportLines::done() {
  line_.check_taken();
  advance();
}

void ExportLines::check_finished() const {
  require("end");
  if (at_ != text_.size()) line_.refuse("lines behind it", "none");
}

void ExportLines::advance() {
  const size_t end = text_.find('\n', at_);
  line_ = ExportLine(text_.substr(at_, end - at_), name_ + ": line " + std::to_string(++number_));
  at_ = end + 1;
}

}  // namespace ra
