// Memory for weights, cache and activations: zeroed, aligned to a huge page, and on huge pages where the system has
// them (weights are read once a step from end to end).
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"

namespace ra {

template <class T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Error(device) if there is not that much memory.
  explicit AlignedBuffer(size_t count) : count_(count) {
    if (count == 0) return;
    if (count > std::numeric_limits<size_t>::max() / sizeof(T) / 2) fail();
    bytes_ = (count * sizeof(T) + kHugePage - 1) / kHugePage * kHugePage;
    // One huge page more than needed leaves room to align; pages that are never touched take no memory.
    const size_t reserved = bytes_ + kHugePage;
    void* start = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) fail();
    char* first = static_cast<char*>(start);
    const size_t before = (kHugePage - reinterpret_cast<size_t>(first) % kHugePage) % kHugePage;
    if (before > 0) munmap(first, before);
    if (before < kHugePage) munmap(first + before + bytes_, kHugePage - before);
    data_ = reinterpret_cast<T*>(first + before);
    if (bytes_ > kHugePage) madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  ~AlignedBuffer() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept { swap(other); }
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

 private:
  static constexpr size_t kHugePage = size_t{1} << 21;

  void swap(AlignedBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(bytes_, other.bytes_);
  }
  [[noreturn]] void fail() const {
    throw Error(Exit::device, "not enough memory: " + std::to_string(count_) + " elements of " +
                                  std::to_string(sizeof(T)) + " bytes were asked for");
  }

  T* data_ = nullptr;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace ra
