// The byte alphabet of byte-level BPE (GPT-2's bytes_to_unicode): vocabularies are written with one printable character
// for each byte. Printable Latin-1 stands for itself, the other 68 bytes for U+0100 onwards.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ra {

// The character of each byte, as UTF-8.
const std::array<std::string, 256>& byte_symbols();
// The bytes that a token's text stands for; none if a character of it is not in the alphabet.
std::optional<std::string> bytes_of_symbols(std::string_view text);

}  // namespace ra
