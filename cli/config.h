// The user's defaults: $XDG_CONFIG_HOME/repro-audit/config.toml. Every key is optional; an unknown one is an
// error.
//   model = "..."     GGUF file, checkpoint folder, or id in the Hugging Face cache
//   database = "..."  path of the database
//   device = "cpu"    as --device takes it
//   threads = 2       as --threads takes it
// A relative path is relative to the file's folder; what is no path there is an id if it looks like one.
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

// The path of the model: --model, else $REPRO_AUDIT_MODEL, else the configured one. Error(usage) that says all three. A
// path that exists is taken as it is; anything else of the form org/name[@revision] is looked for in the Hugging Face
// cache: Error(bad_input) if it is not there.
std::string model_path(const std::optional<std::string>& option, const Config& config);

}  // namespace ra
