// The user's defaults: $XDG_CONFIG_HOME/repro-audit/config.toml. Every key is optional; an unknown one is an
// error.
//   model = "..."     path of a GGUF file or a checkpoint folder
//   database = "..."  path of the database
//   device = "cpu"    as --device takes it
//   threads = 2       as --threads takes it
// A relative path is relative to the file's folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ra {

struct Config {
  std::optional<std::string> model;
  std::optional<std::string> database;
  std::optional<std::string> device;
  std::optional<int64_t> threads;
};

inline constexpr int kMaxThreads = 1024;

// An absent file is an empty one. Error(usage) "<file>:<line>: <found>; <expected>".
Config read_config(const std::string& path);

// The database that a verb works on: --db, else the configured one, else audits.sqlite in the data folder.
std::string database_path(const std::optional<std::string>& option, const Config& config);

// The model: --model, else $REPRO_AUDIT_MODEL, else the configured one. Error(usage) that says all three.
std::string model_path(const std::optional<std::string>& option, const Config& config);

}  // namespace ra
