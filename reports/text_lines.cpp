#include "reports/text_lines.h"

#include <fmt/format.h>

#include <algorithm>

namespace ra {
namespace {

constexpr size_t kLabel = 20;  // columns of the labels, indent included

// Columns that UTF-8 text takes: wide East Asian characters and emoji take two.
size_t columns(std::string_view text) {
  size_t count = 0;
  char32_t point = 0;
  const auto is_wide = [](char32_t c) {
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    point = byte < 0x80   ? byte
            : byte < 0xC0 ? point << 6 | (byte & 0x3F)
                          : byte & (byte < 0xE0   ? 0x1F
                                    : byte < 0xF0 ? 0x0F
                                                  : 0x07);
    const bool ends = i + 1 == text.size() || (static_cast<unsigned char>(text[i + 1]) & 0xC0) != 0x80;
    if (ends) count += is_wide(point) ? 2 : 1;
  }
  return count;
}

}  // namespace

TextLines::TextLines(int width, bool color)
    : width_(static_cast<size_t>(std::clamp(width, 40, 200))), color_(color) {}

std::string TextLines::toned(const std::string& text, Tone tone) const {
  if (!color_ || tone == Tone::plain) return text;
  const char* code = tone == Tone::good     ? "1;32"
                     : tone == Tone::bad    ? "1;31"
                     : tone == Tone::notice ? "1;33"
                                            : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void TextLines::wrap(const std::string& label, std::string_view words, Tone tone) {
  const size_t indent = label.empty() ? 0 : kLabel;
  std::string line = label.empty() ? "" : fmt::format("  {:<{}}", label, kLabel - 2);
  size_t used = indent;
  bool begun = false;
  const auto flush = [&] {
    text_ += toned(line, tone) + "\n";
    line.assign(indent, ' ');
    used = indent;
    begun = false;
  };
  while (!words.empty()) {
    const size_t blank = words.find(' ');
    std::string_view word = words.substr(0, blank);
    words.remove_prefix(blank == std::string_view::npos ? words.size() : blank + 1);
    if (begun && used + 1 + columns(word) > width_) flush();
    if (begun) {
      line += ' ';
      ++used;
    }
    while (used + columns(word) > width_) {
      size_t taken = 0;
      size_t next = 0;
      while (next < word.size()) {
        size_t after = next + 1;
        while (after < word.size() && (static_cast<unsigned char>(word[after]) & 0xC0) == 0x80) ++after;
        if (used + columns(word.substr(0, after)) > width_) break;
        next = taken = after;
      }
      line += word.substr(0, taken);
      word.remove_prefix(taken);
      flush();
    }
    line += word;
    used += columns(word);
    begun = true;
  }
  if (begun) flush();
}

}  // namespace ra
