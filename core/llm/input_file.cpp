#include "core/llm/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "something else";
}

[[noreturn]] void fail_to_open(const std::string& name, int error) {
  throw Error(Exit::bad_input, fmt::format("{}: cannot be opened ({}); expected a readable file", name,
                                           std::generic_category().message(error)));
}

}  // namespace

InputFile InputFile::open(const std::string& path) {
  InputFile file;
  file.path_ = path;
  file.name_ = printable(path, 300);
  if (path.find('\0') != std::string::npos) fail_to_open(file.name_, ENOENT);
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (file.descriptor_ < 0) fail_to_open(file.name_, errno);
  struct stat status {};
  if (fstat(file.descriptor_, &status) != 0) fail_to_open(file.name_, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(Exit::bad_input,
                fmt::format("{}: is {}; expected a regular file", file.name_, kind_of(status.st_mode)));
  }
  file.size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      path_(std::move(other.path_)),
      name_(std::move(other.name_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  std::swap(name_, other.name_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileState InputFile::state() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail_to_open(name_, errno);
  return {static_cast<uint64_t>(status.st_size),
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
}

uint32_t InputFile::mode() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail_to_open(name_, errno);
  return status.st_mode & 07777;
}

void InputFile::read(uint64_t offset, void* out, size_t count) const {
  check(offset <= size_ && count <= size_ - offset, "a read within the file's size at opening");
  auto* bytes = static_cast<char*>(out);
  while (count > 0) {
    const ssize_t got = ::pread(descriptor_, bytes, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(Exit::bad_input, fmt::format("{}@{}: cannot be read ({}); expected {} more bytes", name_,
                                               offset, std::generic_category().message(errno), count));
    }
    if (got == 0) {
      throw Error(Exit::bad_input,
                  fmt::format("{}@{}: the file became shorter while it was read; expected its {} bytes",
                              name_, offset, size_));
    }
    bytes += got;
    offset += static_cast<uint64_t>(got);
    count -= static_cast<size_t>(got);
  }
}

std::string InputFile::read_text(size_t maximum) const {
  if (size_ > maximum) {
    throw Error(Exit::bad_input,
                fmt::format("{}: is {} bytes long; expected at most {}", name_, size_, maximum));
  }
  std::string text(static_cast<size_t>(size_), '\0');
  read(0, text.data(), text.size());
  return text;
}

}  // namespace ra
