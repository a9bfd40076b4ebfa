// Finds added tokens in text: leftmost first, of those that begin there the longest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/llm/tokenizer.h"
#include "core/llm/tokenizer_definition.h"

namespace ra {

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);  // distinct and not empty

  // Calls on_text with every stretch of text between tokens (never empty) and on_token with every token, in order. A
  // special token that is found but not asked for stays text, all of it: nothing is looked for within.
  void split(std::string_view text, SpecialText special, const std::function<void(std::string_view)>& on_text,
             const std::function<void(int32_t)>& on_token) const;

  // The longest token that `text` begins with; null if there is none.
  const AddedToken* longest_at(std::string_view text) const;
  const std::vector<AddedToken>& all() const { return tokens_; }  // by text

 private:
  std::vector<AddedToken> tokens_;
  bool begins_[256] = {};  // some token begins with this byte
};

}  // namespace ra
