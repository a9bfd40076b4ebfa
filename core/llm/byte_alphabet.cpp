#include "core/llm/byte_alphabet.h"

namespace ra {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

constexpr int kFirstShifted = 0x100;
constexpr int kLastShifted = 0x143;

struct Alphabet {
  std::array<std::string, 256> symbols;
  std::array<int16_t, kLastShifted + 1> bytes;  // by code point; -1: not in the alphabet

  Alphabet() {
    bytes.fill(-1);
    int shifted = kFirstShifted;
    for (int byte = 0; byte < 256; ++byte) {
      const int code_point = stands_for_itself(byte) ? byte : shifted++;
      bytes[code_point] = static_cast<int16_t>(byte);
      if (code_point < 0x80) {
        symbols[byte] = static_cast<char>(code_point);
      } else {
        symbols[byte] = {static_cast<char>(0xc0 | code_point >> 6),
                         static_cast<char>(0x80 | (code_point & 0x3f))};
      }
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

const std::array<std::string, 256>& byte_symbols() {
  return alphabet().symbols;
}

std::optional<std::string> bytes_of_symbols(std::string_view text) {
  const auto& bytes = alphabet().bytes;
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code_point = static_cast<uint8_t>(text[i]);
    if (code_point >= 0x80) {  // the alphabet's characters are of one or two bytes
      if ((code_point & 0xe0) != 0xc0 || i + 1 == text.size()) return std::nullopt;
      code_point = (code_point & 0x1f) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3f);
    }
    if (code_point > kLastShifted || bytes[code_point] < 0) return std::nullopt;
    out += static_cast<char>(bytes[code_point]);
  }
  return out;
}

}  // namespace ra
