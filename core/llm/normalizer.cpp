#include "core/llm/normalizer.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/llm/nfc.h"

namespace ra {
namespace {

void check_length(size_t bytes, size_t limit) {
  if (bytes <= limit) return;
  throw Error(Exit::bad_input,
              fmt::format("text: is {} bytes long when normalised; expected at most {}", bytes, limit));
}

}  // namespace

std::string replaced(std::string_view text, const Replacement& replacement, size_t limit) {
  const auto& [pattern, content] = replacement;
  check(!pattern.empty() && content.size() <= kMaxReplacementBytes, "a replacement within bounds");
  size_t count = 0;
  for (size_t at = text.find(pattern); at != text.npos; at = text.find(pattern, at + pattern.size())) ++count;
  const size_t length = text.size() - count * pattern.size() + count * content.size();
  check_length(length, limit);
  std::string out;
  out.reserve(length);
  size_t begin = 0;
  for (size_t at = text.find(pattern); at != text.npos; at = text.find(pattern, begin)) {
    out.append(text.substr(begin, at - begin)).append(content);
    begin = at + pattern.size();
  }
  return out.append(text.substr(begin));
}

std::string normalized(std::string_view text, const std::vector<NormalizerStep>& steps) {
  const size_t limit = normalized_limit(text.size());
  std::string out(text);
  for (const NormalizerStep& step : steps) {
    switch (step.kind) {
      case NormalizerStep::Kind::nfc:
        out = nfc(out);
        break;
      case NormalizerStep::Kind::prepend:
        if (!out.empty()) out.insert(0, step.replacement.content);
        break;
      case NormalizerStep::Kind::replace:
        out = replaced(out, step.replacement, limit);
        break;
    }
    check_length(out.size(), limit);
  }
  return out;
}

std::string with_blanks(std::string_view text, const Metaspace& metaspace, bool first) {
  std::string out = replaced(text, {" ", metaspace.blank}, normalized_limit(text.size()));
  const bool prepends = metaspace.prepend == Metaspace::Prepend::always ||
                        (metaspace.prepend == Metaspace::Prepend::first && first);
  if (prepends && !out.starts_with(metaspace.blank)) out.insert(0, metaspace.blank);
  return out;
}

}  // namespace ra
