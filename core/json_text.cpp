#include <nlohmann/json.hpp>

#include "core/json.h"

namespace ra {
namespace {

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

std::string json_text(const Json& json) {
  return tree_of(json).dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string json_line(const Json& json) {
  return tree_of(json).dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ra
