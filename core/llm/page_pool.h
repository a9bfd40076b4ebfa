// The KV cache's pages: which are free, and which each slot holds, in the order of its positions.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.h"
#include "kernels/ops.h"

namespace ra {

class PagePool {
 public:
  PagePool(int pages, int slots) : held_(static_cast<size_t>(slots)) {
    for (int page = pages; page-- > 0;) free_.push_back(page);
  }

  // Makes `slot` hold the pages of positions [0, positions). Error(device) if there are too few.
  const int32_t* hold(int slot, int positions) {
    std::vector<int32_t>& pages = held_.at(static_cast<size_t>(slot));
    const size_t need = (static_cast<size_t>(positions) + kPageKeys - 1) / kPageKeys;
    while (pages.size() < need) {
      if (free_.empty()) throw Error(Exit::device, "the KV cache has no free page left");
      pages.push_back(free_.back());
      free_.pop_back();
    }
    return pages.data();
  }

  void release(int slot) {
    std::vector<int32_t>& pages = held_.at(static_cast<size_t>(slot));
    free_.insert(free_.end(), pages.rbegin(), pages.rend());
    pages.clear();
  }

 private:
  std::vector<int32_t> free_;
  std::vector<std::vector<int32_t>> held_;
};

}  // namespace ra
