// Prompts in a file's bytes: text, or token ids as JSON. Nothing is cut silently. `name` is the file in errors, safe in
// a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

// The text of a prompt or of companions: the bytes without the line end of the last line, which editors add.
// Error(bad_input) with the line for what is not UTF-8, NUL, a byte order mark or a carriage return; also for no text.
std::string prompt_text(std::string bytes, std::string_view name);

// The ids of a JSON array of token ids: at least one, each below `vocab`. Error(bad_input) otherwise.
std::vector<int32_t> prompt_ids(std::string_view json, std::string_view name, int32_t vocab);

}  // namespace ra
