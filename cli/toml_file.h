// TOML files that a user writes: read whole, strictly, with the line in every complaint.
#pragma once

#include <toml++/toml.h>

#include <string>

namespace ra {

// Error(usage) "<file>:<line>: <found>; <expected>" if the file cannot be read or is no TOML of at most 1 MiB.
toml::table read_toml(const std::string& path);

// The same of a text; `path` is its name in messages.
toml::table parse_toml(const std::string& text, const std::string& path);

[[noreturn]] void refuse_toml(const std::string& path, const toml::source_region& source,
                              const std::string& message);

}  // namespace ra
