#include "core/llm/added_tokens.h"

#include <algorithm>

namespace ra {

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.text < b.text; });
  for (const AddedToken& token : tokens_) begins_[static_cast<uint8_t>(token.text.front())] = true;
}

const AddedToken* AddedTokens::longest_at(std::string_view text) const {
  if (text.empty() || !begins_[static_cast<uint8_t>(text.front())]) return nullptr;
  // Narrows the sorted tokens byte by byte; one that ends here comes before those that go on.
  const AddedToken* longest = nullptr;
  auto first = tokens_.begin(), last = tokens_.end();
  for (size_t depth = 0; depth < text.size(); ++depth) {
    const auto byte = static_cast<uint8_t>(text[depth]);
    first = std::partition_point(first, last, [&](const AddedToken& token) {
      return token.text.size() <= depth || static_cast<uint8_t>(token.text[depth]) < byte;
    });
    last = std::partition_point(first, last, [&](const AddedToken& token) {
      return static_cast<uint8_t>(token.text[depth]) == byte;
    });
    if (first == last) break;
    if (first->text.size() == depth + 1) longest = &*first;
  }
  return longest;
}

void AddedTokens::split(std::string_view text, SpecialText special,
                        const std::function<void(std::string_view)>& on_text,
                        const std::function<void(int32_t)>& on_token) const {
  size_t text_begin = 0;
  const auto flush = [&](size_t end) {
    if (end > text_begin) on_text(text.substr(text_begin, end - text_begin));
  };
  for (size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    const size_t end = at + token->text.size();
    if (!token->special || special == SpecialText::parse) {
      flush(at);
      on_token(token->id);
      text_begin = end;
    }
    at = end;
  }
  flush(text.size());
}

}  // namespace ra
