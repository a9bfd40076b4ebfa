#include "cli/toml_file.h"

#include <fmt/format.h>

#include "cli/locations.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {

void refuse_toml(const std::string& path, const toml::source_region& source, const std::string& message) {
  throw Error(Exit::usage, fmt::format("{}:{}: {}", printable(path, 300), source.begin.line, message));
}

toml::table read_toml(const std::string& path) {
  constexpr size_t kMaxBytes = 1 << 20;
  std::string text;
  try {
    text = read_text(path, kMaxBytes);
  } catch (const Error& error) {
    throw Error(Exit::usage, error.what());
  }
  return parse_toml(text, path);
}

toml::table parse_toml(const std::string& text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    refuse_toml(path, error.source(), printable(error.description(), 300) + "; expected TOML");
  }
}

}  // namespace ra
