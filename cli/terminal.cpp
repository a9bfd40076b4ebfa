#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/error.h"

namespace ra {

int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

void reserve_standard_streams() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) != -1) continue;
    // Open for reading only where it would be stdout: a write then fails instead of vanishing.
    const int opened = open("/dev/null", descriptor == 2 ? O_WRONLY : O_RDONLY);
    check(opened == descriptor, "the lowest free descriptor");
  }
}

void print(std::string_view text) {
  const int failure = write_all(STDOUT_FILENO, text);
  if (failure == EPIPE) throw BrokenPipe{};
  if (failure != 0) {
    throw Error(Exit::storage, fmt::format("standard output: {}; expected to write {} bytes",
                                           strerror(failure), text.size()));
  }
}

void print_error(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

void rewrite_line(std::string_view line, size_t width) {
  print_error("\r\x1b[K" + std::string(line.substr(0, width - 1)));
}

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}
bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

int terminal_width() {
  constexpr int kNarrowest = 40, kWidest = 400, kDefault = 80;
  int columns = 0;
  if (const char* value = std::getenv("COLUMNS")) {
    const char* end = value + strlen(value);
    if (std::from_chars(value, end, columns).ptr == end && columns >= kNarrowest && columns <= kWidest)
      return columns;
  }
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
      return std::clamp<int>(size.ws_col, kNarrowest, kWidest);
    }
  }
  return kDefault;
}

bool use_color(std::string_view choice) {
  if (choice == "always" || choice == "never") return choice == "always";
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return stdout_is_terminal() && (no_color == nullptr || *no_color == '\0') && terminal != nullptr &&
         strcmp(terminal, "dumb") != 0;
}

}  // namespace ra
