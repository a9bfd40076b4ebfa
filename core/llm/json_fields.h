// Reading the members of a JSON file whose structure must be known exactly: what is missing, of another type or not
// known is Error(bad_input) "<file>: <where>: found ...; expected ...".
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/json.h"

namespace ra {

class JsonFields {
 public:
  explicit JsonFields(std::string name) : name_(std::move(name)) {}  // safe in a message
  const std::string& name() const { return name_; }

  [[noreturn]] void fail(std::string_view where, std::string_view found, std::string_view expected) const;
  // How Json's own errors shall name a place.
  std::string at(std::string_view where) const;

  const Json& member(const Json& object, std::string_view where, std::string_view key) const;
  void known_members(const Json& json, std::string_view where,
                     std::initializer_list<std::string_view> known) const;
  // The member "type" of an object; "null" for null.
  const std::string& type_of(const Json& json, std::string_view where) const;
  bool flag(const Json& json, std::string_view where, std::string_view key, bool absent) const;
  void require_flag(const Json& json, std::string_view where, std::string_view key, bool absent,
                    bool wanted) const;
  // Absent, null or an empty string: all say "none".
  void require_none(const Json& json, std::string_view where, std::string_view key) const;

 private:
  std::string name_;
};

}  // namespace ra
