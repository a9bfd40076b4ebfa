#include "core/llm/prompt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/error.h"
#include "core/json.h"
#include "core/llm/input_file.h"
#include "core/llm/utf8.h"

namespace ra {
namespace {

std::string read_standard_input() {
  std::string text(kMaxPromptBytes + 1, '\0');
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(STDIN_FILENO, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(Exit::bad_input, fmt::format("standard input: cannot be read ({}); expected a prompt",
                                               std::generic_category().message(errno)));
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (size > kMaxPromptBytes) {
    throw Error(Exit::bad_input, fmt::format("standard input: is longer than {} bytes; expected at most that",
                                             kMaxPromptBytes));
  }
  text.resize(size);
  return text;
}

struct Source {
  std::string name;  // safe in a message
  std::string text;
};

Source read_source(const std::string& path) {
  if (path == "-") return {"standard input", read_standard_input()};
  const InputFile file = InputFile::open(path);
  return {file.name(), file.read_text(kMaxPromptBytes)};
}

}  // namespace

std::string read_prompt_text(const std::string& path) {
  Source source = read_source(path);
  std::string& text = source.text;
  const auto fail = [&](size_t offset, std::string_view found, std::string_view expected) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n');
    throw Error(Exit::bad_input,
                fmt::format("{}@{}: line {}: {}; expected {}", source.name, offset, line, found, expected));
  };
  if (text.compare(0, 3, "\xef\xbb\xbf") == 0) fail(0, "a byte order mark", "UTF-8 without one");
  if (const size_t valid = valid_utf8_prefix(text); valid != text.size()) {
    fail(valid, fmt::format("byte {:#04x} is not UTF-8", static_cast<uint8_t>(text[valid])), "UTF-8");
  }
  if (const size_t nul = text.find('\0'); nul != text.npos) fail(nul, "a NUL byte", "text");
  if (const size_t crlf = text.find("\r\n"); crlf != text.npos) fail(crlf, "a CRLF line end", "LF line ends");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) {
    throw Error(Exit::bad_input, fmt::format("{}: is empty; expected a prompt", source.name));
  }
  return std::move(text);
}

std::vector<int32_t> read_prompt_ids(const std::string& path, int32_t vocab) {
  check(vocab > 0, "a vocabulary");
  const Source source = read_source(path);
  const Json json = parse_json(source.text, source.name);
  std::vector<int32_t> ids;
  for (const Json& id : json.array(source.name)) {
    const std::string where = fmt::format("{}: id {}", source.name, ids.size());
    ids.push_back(static_cast<int32_t>(id.unsigned_integer(where, static_cast<uint64_t>(vocab) - 1)));
  }
  if (ids.empty())
    throw Error(Exit::bad_input, fmt::format("{}: no ids; expected at least one", source.name));
  return ids;
}

}  // namespace ra
