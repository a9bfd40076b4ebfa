// What happens to a text before it is cut and merged: Hugging Face's normalizers NFC, Prepend and Replace, one after the
// other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

// Every occurrence of `pattern`, from the left, becomes `content`. The pattern is a string, never empty.
struct Replacement {
  std::string pattern, content;
};

struct NormalizerStep {
  enum class Kind : unsigned char { nfc, prepend, replace };
  Kind kind = Kind::nfc;
  Replacement replacement;  // of prepend: what is put before a text that is not empty, as `content`
};

// Hugging Face's pre-tokenizer of that name, as far as it does not cut: blanks become `blank`, and one is put before a
// text that does not begin with it.
struct Metaspace {
  enum class Prepend : unsigned char {
    never,
    first,
    always
  };  // first: only at the beginning of all of the text
  std::string blank;
  Prepend prepend = Prepend::never;
};

inline constexpr size_t kMaxNormalizerSteps = 16;
inline constexpr size_t kMaxReplacementBytes = 64;  // of a pattern or a content
// A tokenizer whose steps make a text longer than this would make every prompt slow; Llama 2's blanks need three times.
constexpr size_t normalized_limit(size_t text_bytes) {
  return 4 * text_bytes + 1024;
}

// `text` with the replacement made; Error(bad_input) if it would be longer than `limit` bytes.
std::string replaced(std::string_view text, const Replacement& replacement, size_t limit);
// `text`, valid UTF-8, after all steps; the same error beyond normalized_limit.
std::string normalized(std::string_view text, const std::vector<NormalizerStep>& steps);
// The same for a stretch of text; `first`: it begins the text.
std::string with_blanks(std::string_view text, const Metaspace& metaspace, bool first);

}  // namespace ra
