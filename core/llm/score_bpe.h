// Byte-pair merging as SentencePiece does it: no list of merges, but a score a piece. Of all neighbours that together
// are a piece, those of the highest score are merged first, of equal ones the leftmost. A character that is left and is
// no piece becomes the tokens of its bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/llm/text_index.h"
#include "core/llm/tokenizer_definition.h"

namespace ra {

class ScoreBpe {
 public:
  // Error(bad_input) if the byte tokens are not all there, a score is no number, or two tokens are equal.
  explicit ScoreBpe(const TokenizerDefinition& definition);
  ScoreBpe(const ScoreBpe&) = delete;  // the index refers to the texts beside it
  ScoreBpe& operator=(const ScoreBpe&) = delete;

  // Appends the ids of valid UTF-8; O(n log n) in its length.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  std::vector<std::string>
      pieces_;                   // by id, what text can become; empty for byte tokens, special ones and gaps
  std::vector<uint32_t> ranks_;  // by id: 0 for the highest score, equal for equal ones
  TextIndex index_;
  size_t longest_ = 0;
  std::array<int32_t, 256> byte_ids_;
};

}  // namespace ra
