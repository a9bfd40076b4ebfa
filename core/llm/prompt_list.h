// A list of prompts: NDJSON, one object a line, each with `id`, a text that names it, and either `prompt`, a text, or
// `prompt_ids`, an array of token ids. Nothing else is a member.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

struct ListedPrompt {
  std::string id;    // not empty, of at most kMaxPromptName bytes, without control characters
  std::string text;  // empty where `ids` are given
  std::vector<int32_t> ids;
  size_t line = 0;  // from 1
};

inline constexpr size_t kMaxPromptName = 100;

// In the order of the lines; the last line may lack its end. Ids are below `vocab`; at most `most` prompts.
// Error(usage) for a list without a prompt. Error(bad_input) with the line for what is not UTF-8, NUL, a byte order mark, a
// carriage return, an empty line, anything but such an object, an empty text, and an id that was there before. `name` is
// the file in errors, safe in a message.
std::vector<ListedPrompt> prompt_list(std::string_view bytes, std::string_view name, int32_t vocab,
                                      size_t most);

}  // namespace ra
