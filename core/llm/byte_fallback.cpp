#include "core/llm/byte_fallback.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<uint8_t> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  const int high = digit(token[3]), low = digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high << 4 | low);
}

std::array<int32_t, 256> byte_token_ids(const std::vector<std::string>& tokens, const std::string& name) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  const auto fail = [&](const std::string& found) {
    throw Error(
        Exit::bad_input,
        fmt::format("{}: {}; expected each of <0x00> to <0xFF> once, for byte fallback", name, found));
  };
  for (size_t id = 0; id < tokens.size(); ++id) {
    const std::string& token = tokens[id];
    if (!token.starts_with("<0x") || !token.ends_with('>')) continue;
    const auto byte = byte_of_token(token);
    if (!byte) fail(fmt::format("token {} is \"{}\", which is no byte", id, printable(token)));
    if (ids[*byte] >= 0) fail(fmt::format("tokens {} and {} are both {}", ids[*byte], id, token));
    ids[*byte] = static_cast<int32_t>(id);
  }
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    if (ids[byte] < 0) fail(fmt::format("no token <0x{:02X}>", byte));
  }
  return ids;
}

}  // namespace ra
