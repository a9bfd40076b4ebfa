// How much of a known number of bytes was read, as a line that is rewritten on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ra {

class ByteBar {
 public:
  ByteBar(std::string label, int width);
  ~ByteBar();  // clears the line
  ByteBar(const ByteBar&) = delete;
  ByteBar& operator=(const ByteBar&) = delete;

  void show(uint64_t done, uint64_t total);  // at most every tenth of a second
  // "checking [#####.....]  50% of 98.4 MiB"; pure, for tests.
  std::string line(uint64_t done, uint64_t total) const;

 private:
  std::string label_;
  size_t width_;
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace ra
