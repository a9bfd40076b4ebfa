#include "cli/policy_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/arguments.h"
#include "cli/toml_file.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxNameBytes = 100;

std::string value_text(const std::string& path, const std::string& key, const toml::node& node) {
  const bool is_word = key == "require_challenge" || key.ends_with(".verdict");
  if (is_word && node.is_string()) return node.as_string()->get();
  if (!is_word && node.is_integer()) return std::to_string(node.as_integer()->get());
  if (!is_word && node.is_floating_point()) return fmt::format("{}", node.as_floating_point()->get());
  refuse_toml(path, node.source(),
              fmt::format("{}: wrong type; expected a {}", printable(key), is_word ? "string" : "number"));
}

void read_rules(const std::string& path, const std::string& prefix, const toml::table& table,
                Policy& policy) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const toml::table* inner = node.as_table()) {
      read_rules(path, key + ".", *inner, policy);
      continue;
    }
    const std::string value = value_text(path, key, node);
    try {
      set_rule(policy, key, value);
    } catch (const Error& error) {
      refuse_toml(path, name.source(), error.what());
    }
  }
}

}  // namespace

Policy find_policy(const std::string& name) {
  if (std::optional<Policy> policy = built_in_policy(name)) return *policy;
  std::error_code failure;
  if (!std::filesystem::exists(name, failure)) {
    throw Error(Exit::usage,
                fmt::format("--policy: no file \"{}\"; expected a file or one of {}{}", printable(name, 300),
                            fmt::join(built_in_policies(), ", "), perhaps(name, built_in_policies())));
  }
  Policy policy;
  policy.name = printable(std::filesystem::path(name).stem().string(), kMaxNameBytes);
  read_rules(name, "", read_toml(name), policy);
  return policy;
}

Policy read_policy(const std::string& toml, const std::string& where, const std::string& policy_name) {
  Policy policy;
  policy.name = policy_name;
  read_rules(where, "", parse_toml(toml, where), policy);
  return policy;
}

}  // namespace ra
