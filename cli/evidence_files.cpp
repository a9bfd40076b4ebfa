#include "cli/evidence_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include "cli/output_file.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/llm/input_file.h"
#include "core/printable.h"

namespace ra {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxBytes = int64_t{1} << 30;       // of a bundle
constexpr int64_t kMaxOtherBytes = int64_t{1} << 24;  // of a file of it that has no results
constexpr int kMaxEntries = 300, kMaxDepth = 3;

struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

class FolderReader {
 public:
  explicit FolderReader(const std::string& path) : path_(printable(path, 300)) {}

  BundleFiles read(const std::string& path) {
    read_folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "", 1);
    return std::move(files_);
  }

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& found,
                           const std::string& expected) const {
    throw Error(Exit::evidence,
                fmt::format("{}/{}: {}; expected {}", path_, printable(name, 200), found, expected));
  }

  // Takes over the descriptor.
  void read_folder(int descriptor, const std::string& prefix, int depth) {
    if (descriptor < 0) refuse(prefix, strerror(errno), "a folder that can be read");
    const std::unique_ptr<DIR, CloseFolder> folder(fdopendir(descriptor));
    if (!folder) {
      close(descriptor);
      refuse(prefix, strerror(errno), "a folder that can be read");
    }
    if (depth > kMaxDepth) refuse(prefix, "a folder this deep", fmt::format("at most {} levels", kMaxDepth));
    for (;;) {
      errno = 0;
      const dirent* entry = readdir(folder.get());
      if (entry == nullptr && errno != 0) refuse(prefix, strerror(errno), "a folder that can be read");
      if (entry == nullptr) return;
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++entries_ > kMaxEntries) refuse(prefix, "more files", fmt::format("at most {}", kMaxEntries));
      read_entry(descriptor, name, prefix + name, depth);
    }
  }

  void read_entry(int folder, const std::string& name, const std::string& whole, int depth) {
    const int opened =
        openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (opened < 0)
      refuse(whole, errno == ELOOP ? "a link" : strerror(errno), "a file or folder that can be read");
    Descriptor file(opened);
    struct stat facts {};
    if (fstat(file.number, &facts) != 0) refuse(whole, strerror(errno), "a file");
    if (S_ISDIR(facts.st_mode)) {
      if (!is_bundle_folder(whole)) refuse(whole, "an unknown folder", "those of a bundle alone");
      file.number = -1;
      return read_folder(opened, whole + "/", depth + 1);
    }
    if (!S_ISREG(facts.st_mode)) refuse(whole, "no regular file", "files and folders alone");
    if (!is_bundle_file(whole)) refuse(whole, "unknown", "the files of a bundle alone");
    const int64_t most = whole.starts_with("results/") ? kMaxBytes - bytes_ : kMaxOtherBytes;
    if (facts.st_size > most)
      refuse(whole, fmt::format("{} bytes", facts.st_size), fmt::format("at most {}", most));
    bytes_ += facts.st_size;
    files_[whole] = content(file.number, static_cast<size_t>(facts.st_size), whole);
  }

  std::string content(int file, size_t size, const std::string& name) const {
    std::string bytes(size, '\0');
    for (size_t at = 0; at < size;) {
      const ssize_t part = pread(file, bytes.data() + at, size - at, static_cast<off_t>(at));
      if (part < 0 && errno == EINTR) continue;
      if (part <= 0)
        refuse(name, part < 0 ? strerror(errno) : "shorter than it was", "a file that can be read");
      at += static_cast<size_t>(part);
    }
    return bytes;
  }

  std::string path_;
  BundleFiles files_;
  int entries_ = 0;
  int64_t bytes_ = 0;
};

void write_file(const std::string& path, const std::string& bytes) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.number < 0) fail_storage(path, "to create it");
  errno = write_all(file.number, bytes);
  if (errno != 0 || fsync(file.number) != 0) fail_storage(path, "to write it whole");
}

void sync_folder(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number < 0 || fsync(folder.number) != 0) fail_storage(path, "to synchronise it");
}

// A folder that is removed unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& target) : path_(target + ".XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) fail_storage(target, "to create a folder there");
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  void fill(const BundleFiles& files) const {
    std::set<std::string> folders;
    for (const auto& [name, bytes] : files) {
      const fs::path file = fs::path(path_) / name;
      std::error_code failure;
      fs::create_directories(file.parent_path(), failure);
      if (failure) fail_storage(file.string(), "to create its folder");
      for (fs::path folder = file.parent_path(); folder != fs::path(path_).parent_path();
           folder = folder.parent_path())
        folders.insert(folder.string());
      write_file(file.string(), bytes);
    }
    const mode_t mask = umask(0);
    umask(mask);
    if (chmod(path_.c_str(), 0777 & ~mask) != 0) fail_storage(path_, "to give it its mode");
    for (const std::string& folder : folders) sync_folder(folder);
  }

  // What was at `target`, if anything, is then here.
  void publish(const std::string& target) const {
    const unsigned flags = fs::exists(target) ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), flags) != 0)
      fail_storage(target, "to give the folder its name");
    const std::string above = fs::path(target).parent_path().string();
    sync_folder(above.empty() ? "." : above);
  }

 private:
  std::string path_;
};

// "x/" as "x".
std::string without_slash(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  return end == path.npos ? path : path.substr(0, end + 1);
}

}  // namespace

bool is_tar_name(const std::string& path) {
  return path.ends_with(".tar");
}

TarContent read_bundle(const std::string& path) {
  std::error_code none;
  if (fs::is_directory(path, none)) return {.files = FolderReader(path).read(path)};
  const InputFile file = InputFile::open(path);
  if (file.size() > static_cast<uint64_t>(kMaxBytes)) {
    throw Error(Exit::evidence, fmt::format("{}: {} bytes; expected a bundle of at most {}", file.name(),
                                            file.size(), kMaxBytes));
  }
  return read_tar(file.read_text(static_cast<size_t>(kMaxBytes)), path);
}

void check_bundle_output(const std::string& path, bool force) {
  if (path == "-" || path.empty())
    throw Error(Exit::usage, fmt::format("--output \"{}\"; expected a folder or a file.tar", path));
  if (is_tar_name(path)) return check_output("--output", path, force, {});
  const std::string target = without_slash(path);
  const auto refuse = [&](const char* found, const char* expected) {
    throw Error(Exit::usage,
                fmt::format("--output {}: {}; expected {}", printable(path, 300), found, expected));
  };
  struct stat there {};
  if (lstat(target.c_str(), &there) == 0) {
    if (!S_ISDIR(there.st_mode)) refuse("no folder", "a folder or a file.tar");
    if (!force) refuse("the folder exists", "a new one, or --force to replace a bundle");
    try {
      if (!FolderReader(target).read(target).contains(kSums)) refuse("no bundle", "one to replace");
    } catch (const Error& error) {
      if (error.status() == Exit::evidence) refuse(error.what(), "a bundle to replace");
      throw;
    }
  }
  const std::string above = fs::path(target).parent_path().string();
  if (access(above.empty() ? "." : above.c_str(), W_OK | X_OK) != 0)
    fail_storage(path, "a folder that can be written");
}

void write_bundle(const std::string& path, const BundleFiles& files, const std::string& root,
                  int64_t seconds) {
  if (is_tar_name(path)) return write_output(path, tar_of(files, root, seconds));
  const std::string target = without_slash(path);
  const TemporaryFolder folder(target);
  folder.fill(files);
  folder.publish(target);
}

}  // namespace ra
