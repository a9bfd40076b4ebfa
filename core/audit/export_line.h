// The lines of an export file, one after the other, and the members of each. Included by export_read*.cpp alone.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/printable.h"

namespace ra {

// One line's object, whose members are taken one by one. What does not fit is Error(bad_input) "<file>: line <n>: ...".
class ExportLine {
 public:
  ExportLine() = default;
  ExportLine(std::string_view text, const std::string& where);

  const std::string& kind() const { return kind_; }
  std::string where(const char* name) const { return where_ + ": " + name; }
  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const;

  const Json& take(const char* name);
  std::string text(const char* name) { return take(name).string(where(name)); }
  std::string bytes(const char* name) { return take(name).bytes(where(name)); }
  std::string time(const char* name);  // 2026-11-22T08:00:00Z
  int32_t number(const char* name, int32_t minimum = 0) { return number(take(name), name, minimum); }
  std::vector<int32_t> numbers(const char* name, int32_t minimum = 0) {
    return numbers(take(name), name, minimum);
  }
  const Json::Array& array(const char* name) { return take(name).array(where(name)); }
  std::map<std::string, std::string> words(const char* name) { return words(take(name), name); }

  // The same of values inside the member `name`.
  int32_t number(const Json& json, const char* name, int32_t minimum = 0) const;
  std::vector<int32_t> numbers(const Json& json, const char* name, int32_t minimum = 0) const;
  std::map<std::string, std::string> words(const Json& json, const char* name) const;
  const Json::Array& entry(const Json& json, const char* name, size_t size) const;  // a list of `size` values

  template <class Kind>
  Kind one_of(const std::string& name, std::initializer_list<Kind> kinds) const {
    for (const Kind kind : kinds) {
      if (name == name_of(kind)) return kind;
    }
    refuse("\"" + printable(name) + "\"", "a word that this version knows");
  }

  void check_taken() const;  // every member was taken

 private:
  std::string where_;
  Json json_;
  std::string kind_;
  size_t taken_ = 0;
};

class ExportLines {
 public:
  // Checks the last line, which has the number of all others and their SHA-256, before anything is built of them.
  // `text` outlives this.
  ExportLines(std::string_view text, const std::string& name);

  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const;
  ExportLine& line() { return line_; }
  bool is(const char* kind) const { return line_.kind() == kind; }
  void require(const char* kind) const;
  void done();                  // with this line, of which every member was taken: on to the next
  void check_finished() const;  // this line is the last

 private:
  void advance();

  std::string_view text_;
  std::string name_;
  size_t at_ = 0;
  int64_t number_ = 0;
  ExportLine line_;
};

}  // namespace ra
