// Byte-pair merging: the ids of one pre-token. The best-ranked pair is merged first, of equal ones the leftmost.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/llm/text_index.h"
#include "core/llm/tokenizer_definition.h"

namespace ra {

class Bpe {
 public:
  // Error(bad_input) if merges and vocabulary don't fit together, or if text could become a special token's id; of byte
  // fallback also if a byte token is missing.
  explicit Bpe(const TokenizerDefinition& definition);
  Bpe(const Bpe&) = delete;  // the index refers to the texts beside it
  Bpe& operator=(const Bpe&) = delete;

  // Appends the ids of a piece of valid UTF-8; O(n log n) in its length. Bytes without a token are dropped first.
  void encode(std::string_view piece, std::vector<int32_t>& ids) const;

 private:
  static constexpr uint32_t kNoRank = UINT32_MAX;
  struct Merge {
    uint64_t pair = UINT64_MAX;  // left id and right id
    uint32_t rank = kNoRank;
    int32_t id = -1;
  };

  void append_first(std::string_view piece, std::vector<int32_t>& ids) const;  // one a byte or a character
  void add_merge(int32_t left, int32_t right, uint32_t rank, int32_t id, const std::string& name);
  Merge find(int32_t left, int32_t right) const;
  size_t slot(uint64_t pair) const;
  void merge_short(std::vector<int32_t>& ids, size_t first) const;
  void merge_long(std::vector<int32_t>& ids, size_t first) const;

  std::array<int32_t, 256> byte_ids_;  // -1: no token
  std::optional<std::unordered_map<char32_t, int32_t>>
      character_ids_;          // with byte fallback: what comes before bytes
  std::vector<Merge> merges_;  // open addressing, a power of two, at most half full
  int slot_bits_ = 0;
  std::vector<std::string> whole_texts_;  // by id, the bytes of tokens, for ignore_merges
  std::optional<TextIndex> whole_;
};

}  // namespace ra
