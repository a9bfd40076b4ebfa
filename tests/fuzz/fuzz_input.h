// What the fuzz targets share. A target is LLVMFuzzerTestOneInput over one reader of untrusted bytes: it may accept them
// or refuse them as bad input; any other exception, a crash or a broken promise about what it accepted is a find.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace ra {

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Whether `read` accepts; Error(bad_input) alone counts as a refusal.
template <typename Read>
bool accepts(const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    if (error.status() != Exit::bad_input) throw;
    return false;
  }
}

// A file in memory, for readers that take a path; every input overwrites it.
class FuzzFile {
 public:
  FuzzFile() : descriptor_(memfd_create("input", MFD_CLOEXEC)) {
    check(descriptor_ >= 0, "a file in memory");
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
  }
  ~FuzzFile() { close(descriptor_); }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;

  // The path of the file, which holds exactly these bytes until the next call.
  const std::string& with(std::string_view bytes) const {
    check(ftruncate(descriptor_, 0) == 0, "the file emptied");
    check(pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the file written");
    return path_;
  }

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace ra
