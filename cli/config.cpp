#include "cli/config.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/locations.h"
#include "cli/toml_file.h"
#include "core/error.h"
#include "core/llm/hub_cache.h"
#include "core/printable.h"

namespace ra {
namespace {

std::string in_folder_of(const std::string& file, const std::string& path) {
  return (std::filesystem::path(file).parent_path() / path).string();
}

// Whether there is something of this name, be it a broken link.
bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::symlink_status(path, ignored).type() != std::filesystem::file_type::not_found;
}

std::string configured_model(const std::string& file, const std::string& text) {
  const std::string path = in_folder_of(file, text);
  return parse_hub_id(text) && !is_there(path) ? text : path;
}

std::string model_text(const std::optional<std::string>& option, const Config& config) {
  if (option) return *option;
  if (const char* variable = std::getenv("REPRO_AUDIT_MODEL"); variable != nullptr && *variable != '\0') {
    return variable;
  }
  if (config.model) return *config.model;
  const std::string file = config_path();
  throw Error(Exit::usage,
              fmt::format("no model; expected --model PATH, $REPRO_AUDIT_MODEL, or model = \"PATH\" in {}",
                          file.empty() ? "the configuration file" : printable(file, 300)));
}

}  // namespace

Config read_config(const std::string& path) {
  std::error_code absent;
  if (path.empty() || !std::filesystem::exists(path, absent)) return {};
  const toml::table table = read_toml(path);
  Config config;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const auto string = [&, &value = node] {
      if (!value.is_string()) refuse_toml(path, value.source(), name + ": wrong type; expected a string");
      return value.as_string()->get();
    };
    if (name == "model") {
      config.model = configured_model(path, string());
    } else if (name == "database") {
      config.database = in_folder_of(path, string());
    } else if (name == "device") {
      config.device = string();
    } else if (name == "threads") {
      if (!node.is_integer()) refuse_toml(path, node.source(), "threads: wrong type; expected an integer");
      config.threads = node.as_integer()->get();
      if (*config.threads < 1 || *config.threads > kMaxThreads) {
        refuse_toml(path, node.source(),
                    fmt::format("threads: {}; expected 1 to {}", *config.threads, kMaxThreads));
      }
    } else {
      refuse_toml(
          path, key.source(),
          fmt::format("unknown key \"{}\"; expected model, database, device or threads", printable(name)));
    }
  }
  return config;
}

std::string database_path(const std::optional<std::string>& option, const Config& config) {
  if (option && option->empty()) throw Error(Exit::usage, "--db: found \"\"; expected a file's path");
  if (option) return *option;
  if (config.database) return *config.database;
  return data_folder() + "/audits.sqlite";
}

std::string model_path(const std::optional<std::string>& option, const Config& config) {
  const std::string text = model_text(option, config);
  const std::optional<HubId> id = parse_hub_id(text);
  if (!id || is_there(text)) return text;
  const std::string cache = hub_cache_folder();
  return cache.empty() ? text : find_in_hub_cache(*id, cache);
}

}  // namespace ra
