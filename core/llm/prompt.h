// Prompts from files: text, or token ids as JSON. Nothing is cut silently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ra {

inline constexpr size_t kMaxPromptBytes = 8 << 20;  // two million tokens: beyond every supported context

// The text of a prompt or of companions; "-" reads standard input. One line end at the very end is dropped, as editors
// add it. Error(bad_input) with file and line for what is not UTF-8 and for NUL, a byte order mark or CRLF line ends;
// also for a text that is empty or longer than kMaxPromptBytes.
std::string read_prompt_text(const std::string& path);

// The ids of a JSON array of token ids, at least one, each below `vocab`. Error(bad_input) otherwise.
std::vector<int32_t> read_prompt_ids(const std::string& path, int32_t vocab);

}  // namespace ra
