// The device's XXH3-64 against the library, where both run: on the host.
#include "kernels/cuda/xxh3.cuh"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "core/hash.h"

namespace ra {
namespace {

TEST(Xxh3, EqualsTheLibraryForEveryLengthUpTo3000Words) {
  constexpr int kMost = 3000;  // all ways of short inputs, several blocks of long ones
  std::vector<uint32_t> words(kMost);
  uint32_t state = 1;
  for (uint32_t& word : words) word = state = state * 1664525 + 1013904223;
  for (int count = 1; count <= kMost; ++count) {
    ASSERT_EQ(xxh3::hash_words(words.data(), count),
              xxh3_64(std::as_bytes(std::span(words).first(static_cast<size_t>(count)))))
        << count << " words";
  }
}

}  // namespace
}  // namespace ra
