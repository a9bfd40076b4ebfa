// Reading a GGUF file from its start, number after number: buffered, and nothing beyond the file's end or the bounds is
// believed. Numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/llm/input_file.h"

namespace ra {

class GgufReader {
 public:
  explicit GgufReader(const InputFile& file);  // which outlives the reader

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return end_ - position_; }

  // Throws Error(bad_input) "<file>@<offset>: found ...; expected ...".
  [[noreturn]] void fail(uint64_t offset, const std::string& found, const std::string& expected) const;

  // Each of these fails if the file ends before `count` bytes more; `what` names them.
  void require(uint64_t count, const char* what) const;
  void bytes(void* out, uint64_t count, const char* what);
  void skip(uint64_t count, const char* what);
  template <typename T>
  T number(const char* what) {
    uint8_t raw[sizeof(T)];
    bytes(raw, sizeof(T), what);
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof(T); ++i) bits |= static_cast<uint64_t>(raw[i]) << (8 * i);
    return static_cast<T>(bits);
  }
  // Fails unless `count` bytes at `offset`, anywhere in the file, are zero.
  void require_zeros(uint64_t offset, uint64_t count) const;
  // A length and as many bytes.
  std::string string(const char* what, uint64_t maximum);

 private:
  void refill();

  const InputFile& file_;
  uint64_t end_;
  uint64_t position_ = 0, buffer_start_ = 0, buffer_end_ = 0;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace ra
