// What a tokenizer is made of, whichever file it was read from. Readers check the file's structure; Bpe and Tokenizer
// check that the parts fit together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/llm/checkpoint.h"
#include "core/llm/decoder.h"
#include "core/llm/normalizer.h"
#include "core/llm/pre_tokenizer.h"

namespace ra {

// A token that is looked for in the text before anything else.
struct AddedToken {
  int32_t id = 0;
  std::string text;
  bool special = false;     // only looked for with SpecialText::parse
  bool normalized = false;  // looked for in the normalised text, not in the given one
};

// What the first tokens of a text are, and what decides which of them are merged.
enum class TokenizerKind : uint8_t {
  byte_level,     // one a byte, in the byte alphabet; a list of merges
  byte_fallback,  // one a character, or <0xNN> for each byte of one that is no token; a list of merges
  sentencepiece,  // the same; a score a token
};

struct TokenizerDefinition {
  std::string name;  // the file, safe in a message
  TokenizerKind kind = TokenizerKind::byte_level;
  std::vector<std::string>
      tokens;  // by id, in the byte alphabet if byte_level; empty where BPE has no such token
  std::vector<std::string> unused;  // by id, no longer than tokens: texts of tokens that no text becomes
  std::vector<std::pair<std::string, std::string>> merges;  // the best first; none if sentencepiece
  std::vector<float> scores;                                // by id, if sentencepiece
  bool ignore_merges = false;     // a piece that is a token becomes it, merges or not
  std::vector<AddedToken> added;  // in any order
  std::vector<NormalizerStep> normalizer;
  std::optional<Metaspace> metaspace;  // after the normalizer and the search for added tokens
  PreTokenizerKind pre = PreTokenizerKind::none;
  Decoder decoder;
  std::vector<int32_t> prefix, suffix;  // what the post-processor puts around the ids
};

// Both throw Error(bad_input) naming what they found and do not know.
TokenizerDefinition read_tokenizer_json(const std::string& path);
TokenizerDefinition parse_tokenizer_json(std::string_view text, std::string_view name);
TokenizerDefinition define_from_gguf(const TokenizerSource& source);
// The values of tokenizer.ggml.pre that are read.
std::vector<std::string> gguf_pre_tokenizer_names();

}  // namespace ra
