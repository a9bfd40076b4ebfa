// Help texts that fit the terminal.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ra {

// `app`'s help with no line wider than `width` columns, but for examples, which stay as they can be copied. Descriptions
// of options and verbs go on below themselves.
std::string help_text(const CLI::App& app, const std::string& prefix, int width);

}  // namespace ra
