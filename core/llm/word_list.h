// Lists in sentences.
#pragma once

#include <string>
#include <vector>

namespace ra {

// "a, b or c"
inline std::string one_of(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    text += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  }
  return text;
}

}  // namespace ra
