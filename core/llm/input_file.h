// A file of untrusted bytes, opened once: regular files only, never waits (a FIFO is refused, not read), size
// fixed at opening. Bytes are read with pread, so a file that shrinks meanwhile is an error and never a
// signal; one that is replaced by a rename stays the old one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ra {

// What tells that a file is still the one that was read.
struct FileState {
  uint64_t bytes = 0;
  int64_t modified_ns = 0;  // time of the last change, nanoseconds since 1970
  uint64_t inode = 0;
  bool operator==(const FileState&) const = default;
};

class InputFile {
 public:
  static InputFile open(const std::string& path);  // Error(bad_input)
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }  // the path, safe in a message
  uint64_t size() const { return size_; }            // at opening
  FileState state() const;                           // now
  uint32_t mode() const;                             // permissions, now

  // Reads exactly `count` bytes at `offset`; Error(bad_input) if the file no longer has them. May be called
  // from several threads at once.
  void read(uint64_t offset, void* out, size_t count) const;
  // All of it, if that is at most `maximum` bytes.
  std::string read_text(size_t maximum) const;

 private:
  InputFile() = default;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::string path_, name_;
};

}  // namespace ra
