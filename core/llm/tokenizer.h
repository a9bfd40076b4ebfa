// BPE, on bytes or on characters with byte fallback, from a tokenizer.json or from GGUF's metadata. What is not
// known exactly is an error, never a guess. Ids are those of Hugging Face's tokenizers; characters newer than Unicode 14 (PCRE2 10.42) may be
// split otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/llm/checkpoint.h"

namespace ra {

// What text that looks like a special token becomes: `plain`, the ids of its characters, never the special
// id; `parse`, that token. Added tokens that are not special (Qwen3's <think>) are recognised in both, as
// Hugging Face does. Matching is leftmost, then longest; what lies between is encoded piece by piece.
enum class SpecialText : uint8_t { plain, parse };

inline constexpr size_t kMaxTextBytes = 32 << 20;  // a longer text is an error

// Immutable; may be used by several threads at once.
class Tokenizer {
 public:
  static Tokenizer open(const TokenizerSource& source);  // Error(bad_input)
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // The ids of `text`, which must be UTF-8 (Error(bad_input) with the byte offset otherwise). With
  // `add_special`, what the post-processor adds (bos) is added. Bytes that have no token are dropped, as
  // Hugging Face does.
  std::vector<int32_t> encode(std::string_view text, SpecialText special, bool add_special) const;
  const std::vector<int32_t>& prefix() const;  // what encode adds before a text with `add_special`
  // The bytes a token stands for within a text, special tokens by their text; may be a part of a UTF-8 character.
  // Empty for an id without a token: a model may have more rows than its tokenizer has tokens.
  const std::string& piece(int32_t id) const;
  // The pieces, one after the other; a tokenizer that puts a blank before a text takes it off again.
  std::string decode(const std::vector<int32_t>& ids) const;
  // The id of a special or added token's text, or -1.
  int32_t special_id(std::string_view text) const;
  int32_t size() const;      // ids are below it
  const char* kind() const;  // "byte-level BPE", "BPE with byte fallback", "SentencePiece BPE"
  const std::string& pre_tokenizer()
      const;  // "gpt2", "smollm", "llama3", "qwen2"; "none": the text stays whole

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ra
