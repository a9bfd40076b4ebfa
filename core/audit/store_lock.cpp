#include "core/audit/store_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/audit/store_sql.h"
#include "core/audit/store_time.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {

WriterLock::WriterLock(const std::string& path) {
  const std::string name = path + ".lock";
  descriptor_ = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
  if (descriptor_ < 0) {
    throw Error(Exit::storage,
                printable_path(name) + ": " + std::strerror(errno) + "; expected to be able to write there");
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    std::array<char, 256> owner{};
    const ssize_t size = code == EWOULDBLOCK ? pread(descriptor_, owner.data(), owner.size(), 0) : 0;
    close(descriptor_);
    if (code != EWOULDBLOCK) {
      throw Error(Exit::storage,
                  printable_path(name) + ": " + std::strerror(code) + "; expected a file that can be locked");
    }
    const std::string who(owner.data(), static_cast<size_t>(size < 0 ? 0 : size));
    throw Error(Exit::storage, printable_path(path) + ": in use by " +
                                   (who.empty() ? "another process" : printable(who, 256)) +
                                   "; expected no other writer");
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const std::string owner =
      "process " + std::to_string(getpid()) + " on " + host.data() + " since " + utc_now();
  // Only a courtesy to the next writer: the lock holds without it, on a full disk too.
  if (ftruncate(descriptor_, 0) == 0) {
    [[maybe_unused]] const ssize_t written = pwrite(descriptor_, owner.data(), owner.size(), 0);
  }
}

WriterLock::~WriterLock() {
  // The file stays: removing it would let two writers hold locks on two files of one name.
  [[maybe_unused]] const int code = ftruncate(descriptor_, 0);
  close(descriptor_);
}

}  // namespace ra
