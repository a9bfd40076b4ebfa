#include "core/llm/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/utf8.h"

namespace ra {
namespace {

void append_decomposition(char32_t c, std::vector<utf8proc_int32_t>& out) {
  constexpr utf8proc_ssize_t kLongest = 32;  // the longest canonical decomposition has 4 characters
  utf8proc_int32_t decomposed[kLongest];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), decomposed, kLongest,
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE), &boundary);
  check(count >= 0 && count <= kLongest, "utf8proc to decompose any character");
  out.insert(out.end(), decomposed, decomposed + count);
}

int combining_class(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

// Canonical order. utf8proc_decompose would do it too, in quadratic time for a long run of marks.
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  for (size_t first = 0; first < characters.size(); ++first) {
    if (combining_class(characters[first]) == 0) continue;
    size_t last = first + 1;
    while (last < characters.size() && combining_class(characters[last]) != 0) ++last;
    std::stable_sort(characters.begin() + first, characters.begin() + last,
                     [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    first = last;
  }
}

}  // namespace

std::string nfc(std::string_view text) {
  // Below U+0300 nothing composes or decomposes; these are the characters with a lead byte below 0xcc.
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0xcc; })) {
    return std::string(text);
  }
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) append_decomposition(next_code_point(text, at), characters);
  order_marks(characters);
  const utf8proc_ssize_t count =
      utf8proc_normalize_utf32(characters.data(), static_cast<utf8proc_ssize_t>(characters.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  check(count >= 0, "utf8proc to compose what it decomposed");
  std::string out;
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t length = utf8proc_encode_char(characters[i], bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  }
  return out;
}

}  // namespace ra
