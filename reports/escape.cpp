#include "reports/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace ra {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Decoded {
  char32_t point = kReplacement;
  size_t bytes = 1;
  bool valid = false;
};

// The code point at the front of `bytes`, not empty. Ill-formed: the maximal subpart that could have begun one
// (Unicode 15, table 3-7).
Decoded decode(std::string_view bytes) {
  const auto at = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return {first, 1, true};
  if (first < 0xC2 || first > 0xF4) return {};
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte's range keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
  uint8_t low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  char32_t point = first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == bytes.size() || at(i) < low || at(i) > high) return {kReplacement, i, false};
    point = point << 6 | (at(i) & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {point, length, true};
}

// What a reader would not see, or would see elsewhere than it stands.
bool is_invisible(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0xAD || point == 0x061C ||
         point == 0x115F || point == 0x1160 || point == 0x180E || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) || point == 0x3164 ||
         point == 0xFEFF || point == 0xFFA0 || (point >= 0xFFF9 && point <= 0xFFFB) ||
         (point >= 0xFDD0 && point <= 0xFDEF) || (point & 0xFFFE) == 0xFFFE ||
         (point >= 0xE0000 && point <= 0xE0FFF);
}

}  // namespace

std::string repair_utf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Decoded decoded = decode(bytes);
    text += decoded.valid ? bytes.substr(0, decoded.bytes) : "\uFFFD";
    bytes.remove_prefix(decoded.bytes);
  }
  return text;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Decoded decoded = decode(bytes);
    if (!decoded.valid) return false;
    bytes.remove_prefix(decoded.bytes);
  }
  return true;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t taken = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < taken ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) text += j <= taken ? kAlphabet[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string escape(std::string_view bytes, Breaks breaks) {
  std::string text;
  while (!bytes.empty()) {
    const Decoded decoded = decode(bytes);
    const char32_t point = decoded.point;
    if (!decoded.valid) {
      text += "\uFFFD";
    } else if (point == '&') {
      text += "&amp;";
    } else if (point == '<') {
      text += "&lt;";
    } else if (point == '>') {
      text += "&gt;";
    } else if (point == '"') {
      text += "&quot;";
    } else if (point == '\'') {
      text += "&#39;";
    } else if (point == '\n' || point == '\t') {
      text += breaks == Breaks::kept ? std::string(1, static_cast<char>(point))
              : point == '\n'        ? "\\n"
                                     : "\\t";
    } else if (is_invisible(point)) {
      fmt::format_to(std::back_inserter(text), "\\u{{{:x}}}", static_cast<uint32_t>(point));
    } else {
      text += bytes.substr(0, decoded.bytes);
    }
    bytes.remove_prefix(decoded.bytes);
  }
  return text;
}

std::string escape_markdown(std::string_view bytes) {
  std::string text;
  for (const char c : escape(bytes)) {
    if (std::string_view("\\`*_[]~$").find(c) != std::string_view::npos) text += '\\';
    if (c == '|') {
      text += "&#124;";  // a cell ends at a bar, also within code
    } else if (c == ':') {
      text += "&#58;";
    } else if (c == '@') {
      text += "&#64;";
    } else if (c == '.' && text.ends_with("www")) {
      text += "&#46;";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace ra
