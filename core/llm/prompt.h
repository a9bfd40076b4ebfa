// Prompts in a file's bytes: text, or token ids as JSON. Nothing is cut silently. `name` is the file in errors, safe in
// a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace ra {

// What no file of prompts may hold: Error(bad_input) "<name>@<offset>: line <n>: ..." for what is not UTF-8, NUL, a byte
// order mark or a carriage return.
void check_prompt_bytes(std::string_view bytes, std::string_view name);

// The text of a prompt or of companions: the bytes without the line end of the last line, which editors add.
// Error(bad_input) as check_prompt_bytes says, and for no text.
std::string prompt_text(std::string bytes, std::string_view name);

// The ids of a JSON array of token ids: at least one, each below `vocab`. Error(bad_input) otherwise.
std::vector<int32_t> prompt_ids(std::string_view json, std::string_view name, int32_t vocab);
std::vector<int32_t> prompt_ids(const Json& array, std::string_view name, int32_t vocab);

}  // namespace ra
