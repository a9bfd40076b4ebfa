#include "core/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "core/utf8.h"

namespace ra {
namespace {

// Controls, and what changes a line's look without being seen: bidi marks, zero-width characters, separators,
// tags.
bool must_escape(char32_t c) {
  constexpr std::pair<char32_t, char32_t> kRanges[] = {
      {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
      {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
      {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
  };
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range.first && c <= range.second; });
}

std::string escaped(char32_t c) {
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  return fmt::format("\\u{{{:x}}}", static_cast<uint32_t>(c));
}

}  // namespace

std::string printable(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kCut = "...";
  std::string out;
  size_t keep = 0;  // bytes of `out` that leave room for the cut mark
  while (!text.empty()) {
    const size_t bytes = character_length(text);
    size_t behind = 0;
    const char32_t character = bytes > 0 ? next_code_point(text, behind) : 0;
    if (bytes == 0) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(text.front()));
    } else if (must_escape(character)) {
      out += escaped(character);
    } else {
      out += text.substr(0, bytes);
    }
    if (out.size() > max_bytes) {
      out.resize(keep);
      out += kCut.substr(0, max_bytes - keep);
      return out;
    }
    if (out.size() + kCut.size() <= max_bytes) keep = out.size();
    text.remove_prefix(bytes > 0 ? bytes : 1);
  }
  return out;
}

}  // namespace ra
