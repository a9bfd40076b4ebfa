#include "core/llm/decoder.h"

#include <optional>

#include "core/llm/byte_alphabet.h"
#include "core/llm/byte_fallback.h"

namespace ra {

std::string Decoder::bytes_of(std::string_view token, bool added) const {
  if (byte_level && !added) {
    if (std::optional<std::string> bytes = bytes_of_symbols(token)) return *std::move(bytes);
  }
  std::string text(token);
  for (const Replacement& replacement : replacements) text = replaced(text, replacement, text.size());
  if (byte_fallback) {
    if (const auto byte = byte_of_token(text)) return std::string(1, static_cast<char>(*byte));
  }
  return text;
}

std::string_view Decoder::without_ends(std::string_view text) const {
  for (size_t i = 0; i < strip_start && text.starts_with(strip); ++i) text.remove_prefix(strip.size());
  for (size_t i = 0; i < strip_stop && text.ends_with(strip); ++i) text.remove_suffix(strip.size());
  return text;
}

}  // namespace ra
