// UTF-8 as Unicode defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace ra {

// The length of the character at the front of `text`, which is not empty; 0 if it is none (Unicode 15, table 3-7).
size_t character_length(std::string_view text);

// The bytes at the front of `text` that are valid UTF-8: text.size() if all of it is.
size_t valid_utf8_prefix(std::string_view text);

// The code point at `at` of valid UTF-8; moves `at` behind it.
char32_t next_code_point(std::string_view text, size_t& at);

// The code point that valid UTF-8 is of, if it is of exactly one.
std::optional<char32_t> single_character(std::string_view text);

}  // namespace ra
