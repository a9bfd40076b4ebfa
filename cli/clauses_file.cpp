#include "cli/clauses_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/locations.h"
#include "cli/toml_file.h"
#include "core/printable.h"

namespace ra {
namespace {

class ClausesFile {
 public:
  ClausesFile(toml::table table, const std::string& path) : path_(path), table_(std::move(table)) {}

  ClauseList read() const {
    refuse_others(table_, {"version", "clause"});
    ClauseList list{.version = text(table_, "version")};
    const toml::node* clauses = table_.get("clause");
    if (clauses == nullptr || !clauses->is_array_of_tables())
      refuse_toml(path_, (clauses == nullptr ? table_ : *clauses).source(),
                  "no [[clause]]; expected at least one");
    for (const toml::node& node : *clauses->as_array()) list.clauses.push_back(clause(*node.as_table()));
    return list;
  }

 private:
  Clause clause(const toml::table& table) const {
    refuse_others(table, {"framework", "clause", "topic", "evidence", "where"});
    return {.framework = text(table, "framework"),
            .clause = text(table, "clause"),
            .topic = text(table, "topic"),
            .evidence = text(table, "evidence"),
            .where = texts(table, "where")};
  }

  void refuse_others(const toml::table& table, const std::vector<std::string>& keys) const {
    for (const auto& [key, node] : table) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      refuse_toml(
          path_, key.source(),
          fmt::format("unknown key \"{}\"; expected one of {}", printable(key.str()), fmt::join(keys, ", ")));
    }
  }

  const toml::node& member(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) refuse_toml(path_, table.source(), fmt::format("no \"{}\"; expected one", key));
    return *node;
  }

  std::string not_empty(const toml::node& node, const char* key) const {
    const toml::value<std::string>* value = node.as_string();
    if (value == nullptr || value->get().empty())
      refuse_toml(path_, node.source(), fmt::format("{}: no text; expected one that is not empty", key));
    return value->get();
  }

  std::string text(const toml::table& table, const char* key) const {
    return not_empty(member(table, key), key);
  }

  std::vector<std::string> texts(const toml::table& table, const char* key) const {
    const toml::node& node = member(table, key);
    const toml::array* array = node.as_array();
    if (array == nullptr || array->empty())
      refuse_toml(path_, node.source(), fmt::format("{}: no list of texts; expected at least one", key));
    std::vector<std::string> values;
    for (const toml::node& value : *array) values.push_back(not_empty(value, key));
    return values;
  }

  const std::string path_;
  const toml::table table_;
};

}  // namespace

std::string installed_clauses() {
  return shared_file("clauses.toml");
}

ClauseList read_clauses(const std::string& path) {
  return ClausesFile(read_toml(path), path).read();
}

ClauseList parse_clauses(const std::string& toml, const std::string& path) {
  return ClausesFile(parse_toml(toml, path), path).read();
}

}  // namespace ra
