#include "core/llm/prompt.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"

namespace ra {

void check_prompt_bytes(std::string_view bytes, std::string_view name) {
  const auto fail = [&](size_t offset, std::string_view found, std::string_view expected) {
    const auto line = 1 + std::count(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(offset), '\n');
    throw Error(Exit::bad_input,
                fmt::format("{}@{}: line {}: {}; expected {}", name, offset, line, found, expected));
  };
  if (bytes.starts_with("\xef\xbb\xbf")) fail(0, "a byte order mark", "UTF-8 text without one");
  if (const size_t valid = valid_utf8_prefix(bytes); valid != bytes.size()) {
    fail(valid, fmt::format("byte {:#04x} is not UTF-8", static_cast<uint8_t>(bytes[valid])), "UTF-8 text");
  }
  if (const size_t nul = bytes.find('\0'); nul != bytes.npos) fail(nul, "a NUL", "UTF-8 text without it");
  if (const size_t at = bytes.find('\r'); at != bytes.npos) {
    fail(at, "a carriage return", "lines that end in LF alone");
  }
}

std::string prompt_text(std::string bytes, std::string_view name) {
  check_prompt_bytes(bytes, name);
  if (bytes.ends_with('\n')) bytes.pop_back();
  if (bytes.empty()) throw Error(Exit::bad_input, fmt::format("{}: is empty; expected text", name));
  return bytes;
}

std::vector<int32_t> prompt_ids(std::string_view json, std::string_view name, int32_t vocab) {
  return prompt_ids(parse_json(json, name), name, vocab);
}

std::vector<int32_t> prompt_ids(const Json& array, std::string_view name, int32_t vocab) {
  check(vocab > 0, "a vocabulary");
  std::vector<int32_t> ids;
  for (const Json& id : array.array(name)) {
    const std::string where = fmt::format("{}: [{}]", name, ids.size());
    ids.push_back(static_cast<int32_t>(id.unsigned_integer(where, static_cast<uint64_t>(vocab) - 1)));
  }
  if (ids.empty()) {
    throw Error(Exit::bad_input, fmt::format("{}: an array without ids; expected at least one", name));
  }
  return ids;
}

}  // namespace ra
