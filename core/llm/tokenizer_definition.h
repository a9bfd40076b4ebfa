// What a tokenizer is made of, whichever file it was read from. Readers check the file's structure; Bpe and Tokenizer
// check that the parts fit together.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/llm/checkpoint.h"
#include "core/llm/pre_tokenizer.h"

namespace ra {

// A token that is looked for in the text before anything else.
struct AddedToken {
  int32_t id = 0;
  std::string text;
  bool special = false;     // only looked for with SpecialText::parse
  bool normalized = false;  // looked for in the normalised text, not in the given one
};

struct TokenizerDefinition {
  std::string name;                 // the file, safe in a message
  std::vector<std::string> tokens;  // by id, in the byte alphabet; empty where BPE has no such token
  std::vector<std::string> unused;  // by id, no longer than tokens: texts of tokens that no text becomes
  std::vector<std::pair<std::string, std::string>> merges;  // the best first
  bool ignore_merges = false;     // a piece that is a token becomes it, merges or not
  std::vector<AddedToken> added;  // in any order
  PreTokenizerKind pre = PreTokenizerKind::gpt2;
  bool nfc = false;
  std::vector<int32_t> prefix, suffix;  // what the post-processor puts around the ids
};

// Both throw Error(bad_input) naming what they found and do not know.
TokenizerDefinition read_tokenizer_json(const std::string& path);
TokenizerDefinition parse_tokenizer_json(std::string_view text, std::string_view name);
TokenizerDefinition define_from_gguf(const TokenizerSource& source);

}  // namespace ra
