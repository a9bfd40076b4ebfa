#include "core/audit/phrases.h"

#include <array>
#include <charconv>

namespace ra {

std::string percent(double share) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), share * 100, std::chars_format::fixed, 1).ptr;
  return std::string(text.data(), end) + "%";
}

std::string counted(int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string k_of_n(int64_t k, int64_t n) {
  return std::to_string(k) + " of " + std::to_string(n);
}

}  // namespace ra
