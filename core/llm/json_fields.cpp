#include "core/llm/json_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/printable.h"

namespace ra {

void JsonFields::fail(std::string_view where, std::string_view found, std::string_view expected) const {
  throw Error(Exit::bad_input,
              fmt::format("{}: {}: found {}; expected {}", name_, where, printable(found, 300), expected));
}

std::string JsonFields::at(std::string_view where) const {
  return fmt::format("{}: {}", name_, where);
}

const Json& JsonFields::member(const Json& object, std::string_view where, std::string_view key) const {
  const Json* found = object.find(key);
  if (found == nullptr)
    fail(fmt::format("{}{}{}", where, where.empty() ? "" : ".", key), "nothing", "this member");
  return *found;
}

void JsonFields::known_members(const Json& json, std::string_view where,
                               std::initializer_list<std::string_view> known) const {
  for (const auto& [key, value] : json.object(at(where.empty() ? "the file" : where))) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(where.empty() ? "the file" : where, fmt::format("member \"{}\"", printable(key)),
           fmt::format("only {}", fmt::join(known, ", ")));
    }
  }
}

const std::string& JsonFields::type_of(const Json& json, std::string_view where) const {
  static const std::string kNull = "null";
  if (json.is_null()) return kNull;
  json.object(at(where));
  return member(json, where, "type").string(at(fmt::format("{}.type", where)));
}

bool JsonFields::flag(const Json& json, std::string_view where, std::string_view key, bool absent) const {
  const Json* found = json.find(key);
  return found == nullptr ? absent : found->boolean(at(fmt::format("{}.{}", where, key)));
}

void JsonFields::require_flag(const Json& json, std::string_view where, std::string_view key, bool absent,
                              bool wanted) const {
  if (flag(json, where, key, absent) != wanted) {
    fail(fmt::format("{}.{}", where, key), wanted ? "false" : "true", wanted ? "true" : "false");
  }
}

void JsonFields::require_none(const Json& json, std::string_view where, std::string_view key) const {
  const Json* found = json.find(key);
  if (found == nullptr || found->is_null()) return;
  if (found->is_string() && found->string("").empty()) return;
  fail(fmt::format("{}.{}", where, key),
       found->is_string() ? fmt::format("\"{}\"", found->string("")) : found->type_name(), "null");
}

}  // namespace ra
