#include "cli/help.h"

namespace ra {
namespace {

// Where the text of a line goes on when it is broken: below the description of "  --name VALUE  description", else below
// its own beginning.
size_t continuation(const std::string& line) {
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const size_t gap = line.find("  ", begin);
  if (begin == 0 || gap == std::string::npos) return begin;
  return std::min(line.find_first_not_of(' ', gap), line.size());
}

std::string wrapped(std::string line, size_t width) {
  const size_t indent = continuation(line);
  std::string text;
  while (line.size() > width) {
    const size_t space = line.rfind(' ', width);
    if (space == std::string::npos || space <= indent) break;
    text.append(line, 0, space).append("\n");
    line = std::string(indent, ' ') + line.substr(space + 1);
  }
  return text + line + "\n";
}

}  // namespace

std::string help_text(const CLI::App& app, const std::string& prefix, int width) {
  const std::string help = app.help(prefix);
  std::string text;
  bool is_example = false;
  for (size_t at = 0; at < help.size();) {
    const size_t end = std::min(help.find('\n', at), help.size());
    const std::string line = help.substr(at, end - at);
    is_example = is_example || line.starts_with("Example");
    text += is_example ? line + "\n" : wrapped(line, static_cast<size_t>(width));
    at = end + 1;
  }
  return text;
}

}  // namespace ra
