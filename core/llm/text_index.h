// Texts to their places in a list: a hash table without a node an entry, as vocabularies of 150,000 tokens are looked up
// half a million times before the first prompt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

class TextIndex {
 public:
  // `texts` must outlive the index and stay as they are; empty ones are not in it. Of equal texts the first counts.
  // Texts made to collide are Error(bad_input), naming `name`: they would make every look-up slow.
  TextIndex(const std::vector<std::string>& texts, const std::string& name);

  int32_t find(std::string_view text) const;  // -1: not there

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t place = -1;
  };

  const std::vector<std::string>& texts_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace ra
