#include "cli/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "cli/terminal.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// A file that is removed unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target) : target_(target), path_(target + ".XXXXXX") {
    descriptor_ = mkostemp(path_.data(), O_CLOEXEC);
    if (descriptor_ < 0) fail_storage(target_, "to create a file in its folder");
  }
  ~TemporaryFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!renamed_) unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view bytes) {
    if (write_all(descriptor_, bytes) != 0) fail_storage(target_, "to write it whole");
  }

  // Durable under its own name when this returns.
  void publish() {
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(descriptor_, 0666 & ~mask) != 0 || fsync(descriptor_) != 0)
      fail_storage(target_, "to synchronise it");
    if (rename(path_.c_str(), target_.c_str()) != 0) fail_storage(target_, "to give the file its name");
    renamed_ = true;
    const int folder = open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) fail_storage(target_, "to synchronise its folder");
    const int failure = fsync(folder);
    close(folder);
    if (failure != 0) fail_storage(target_, "to synchronise its folder");
  }

 private:
  std::string target_;
  std::string path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

}  // namespace

void fail_storage(const std::string& path, const char* expected) {
  throw Error(Exit::storage,
              fmt::format("{}: {}; expected {}", printable(path, 300), strerror(errno), expected));
}

void check_output(const std::string& option, const std::string& path, bool force,
                  const std::vector<std::string>& inputs) {
  if (path == "-") return;
  const auto refuse = [&](const char* found, const char* expected) {
    throw Error(Exit::usage,
                fmt::format("{} {}: {}; expected {}", option, printable(path, 300), found, expected));
  };
  if (path.empty()) refuse("an empty path", "a file");
  struct stat there {};
  if (stat(path.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode)) refuse("a directory", "a file");
    if (!S_ISREG(there.st_mode)) refuse("no regular file", "a file");
    for (const std::string& input : inputs) {
      std::error_code none;
      if (std::filesystem::equivalent(path, input, none)) refuse("also an input", "a file of its own");
    }
    if (!force) refuse("the file exists", "a new one, or --force to replace it");
  }
  if (access(folder_of(path).c_str(), W_OK | X_OK) != 0) fail_storage(path, "a folder that can be written");
}

void write_output(const std::string& path, std::string_view bytes) {
  if (path == "-") {
    print(bytes);
    return;
  }
  TemporaryFile file(path);
  file.write(bytes);
  file.publish();
}

}  // namespace ra
