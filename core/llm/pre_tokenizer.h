// Cuts text into the pieces that are merged each by itself. Four rules are known, each by our own pattern; a pattern
// found in a file is compared with those known, never compiled. A fifth leaves the text whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

enum class PreTokenizerKind : uint8_t {
  gpt2,
  smollm,  // every digit by itself, then gpt2 on what lies between
  llama3,
  qwen2,
  none,  // the text is one piece
};
const std::string& name_of(PreTokenizerKind kind);

// The kind whose pattern, as tokenizer.json writes it, is exactly this one: llama3 or qwen2.
std::optional<PreTokenizerKind> recognize_split_pattern(std::string_view pattern);

inline constexpr size_t kMaxSplitBytes = 256 << 20;

// Immutable; may be used by several threads at once.
class PreTokenizer {
 public:
  explicit PreTokenizer(PreTokenizerKind kind);
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  PreTokenizerKind kind() const { return kind_; }
  // The pieces of `text` in order, which together are `text`. It must be valid UTF-8 of at
  // most kMaxSplitBytes. Linear in its length.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  struct Pattern;
  PreTokenizerKind kind_;
  std::unique_ptr<Pattern> pattern_;
};

}  // namespace ra
