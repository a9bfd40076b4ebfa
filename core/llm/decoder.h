// What makes text of tokens: Hugging Face's decoders, as far as each token has bytes of its own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/llm/normalizer.h"

namespace ra {

struct Decoder {
  bool byte_level = false;                // tokens are written in the byte alphabet
  std::vector<Replacement> replacements;  // in each token; none makes it longer
  bool byte_fallback = false;             // then <0xNN> is that byte
  // Of the whole text: so many of this character at most are taken off its ends.
  std::string strip;
  size_t strip_start = 0, strip_stop = 0;

  // The bytes that a token stands for within a text. An added token is written as it is looked for, never in the byte
  // alphabet.
  std::string bytes_of(std::string_view token, bool added) const;
  // What the bytes of all tokens, one after the other, lose at the ends.
  std::string_view without_ends(std::string_view text) const;
};

}  // namespace ra
