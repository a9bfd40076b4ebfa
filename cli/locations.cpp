#include "cli/locations.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

// The folder that an XDG variable names, else `fallback` in the home folder, else empty.
std::string base_folder(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  if (value != nullptr && value[0] == '/') return value;
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return fmt::format("{}/{}", home, fallback);
  return "";
}

std::string cache_path(const char* file) {
  const std::string folder = base_folder("XDG_CACHE_HOME", ".cache");
  return folder.empty() ? "" : fmt::format("{}/repro-audit/{}", folder, file);
}

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number > STDIN_FILENO) close(number);
  }
};

}  // namespace

std::string config_path() {
  const std::string folder = base_folder("XDG_CONFIG_HOME", ".config");
  return folder.empty() ? "" : folder + "/repro-audit/config.toml";
}

std::string data_folder() {
  const std::string folder = base_folder("XDG_DATA_HOME", ".local/share");
  if (folder.empty()) {
    throw Error(Exit::usage,
                "neither $XDG_DATA_HOME nor $HOME is an absolute path; expected one of them, or --db FILE");
  }
  return folder + "/repro-audit";
}

void make_data_folder(const std::string& database) {
  std::error_code failure;
  if (database.starts_with(data_folder() + "/")) std::filesystem::create_directories(data_folder(), failure);
  if (failure)
    throw Error(Exit::storage, fmt::format("{}: {}; expected a folder", data_folder(), failure.message()));
}

std::string hash_cache_path() {
  return cache_path("sha256");
}

std::string timings_path() {
  return cache_path("timings");
}

std::string hub_cache_folder() {
  const char* hub = std::getenv("HF_HUB_CACHE");
  if (hub != nullptr && *hub != '\0') return hub;
  const char* home = std::getenv("HF_HOME");
  if (home != nullptr && *home != '\0') return fmt::format("{}/hub", home);
  const std::string folder = base_folder("XDG_CACHE_HOME", ".cache");
  return folder.empty() ? "" : folder + "/huggingface/hub";
}

std::string shared_file(const std::string& name) {
  std::error_code failure;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure)
    throw Error(Exit::storage,
                fmt::format("/proc/self/exe: {}; expected the program's path", failure.message()));
  return program.parent_path().parent_path() / "share/repro-audit" / name;
}

std::string read_text(const std::string& path, size_t max_bytes) {
  const std::string name = path == "-" ? "standard input" : printable(path, 300);
  const auto fail = [&](const char* found) {
    throw Error(Exit::bad_input,
                fmt::format("{}: {}; expected a text file of at most {} bytes", name, found, max_bytes));
  };
  const Descriptor file{path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) fail(strerror(errno));
  std::string text;
  char part[1 << 16];
  for (;;) {
    const ssize_t bytes = read(file.number, part, sizeof part);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) fail(strerror(errno));
    if (bytes == 0) return text;
    text.append(part, static_cast<size_t>(bytes));
    if (text.size() > max_bytes) fail("larger");
  }
}

}  // namespace ra
