// Byte fallback, as SentencePiece has it: a character that is no token becomes its UTF-8 bytes, for which there are the
// tokens <0x00> to <0xFF>.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

// The byte that a token of six characters, <0xNN> with upper-case digits, stands for.
std::optional<uint8_t> byte_of_token(std::string_view token);

// The ids of all 256 byte tokens among `tokens` (by id; empty: none). Error(bad_input), naming `name`, if one is missing
// or there twice, and for a token <0x...> that is no byte.
std::array<int32_t, 256> byte_token_ids(const std::vector<std::string>& tokens, const std::string& name);

}  // namespace ra
