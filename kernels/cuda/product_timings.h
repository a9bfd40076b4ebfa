// Which of the library's kernels were fastest, as text that a file keeps from one process to the next. It decides no bits:
// whatever it names is certified before it is used.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/cuda/blas_lt.h"

namespace ra::cuda {

class ProductTimings {
 public:
  // Texts of kernels, the fastest first, for the product of so many rows; null if it was not timed.
  const std::vector<std::string>* find(const LtShape& shape) const;
  void add(const LtShape& shape, std::vector<std::string> fastest_first);

  // A line a shape: "m n k out: kernel; kernel; ...", after a line with what they were measured on.
  std::string text(const std::string& machine) const;
  // Takes over a text of this machine; of another, or of none, nothing.
  void take(const std::string& text, const std::string& machine);

 private:
  std::map<LtShape, std::vector<std::string>> shapes_;
};

}  // namespace ra::cuda
