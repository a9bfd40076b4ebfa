// Which of the kernels that compute a product were fastest, as text that a file keeps from one process to the next. It
// decides no bits: whatever it names is certified before it is used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ra::cuda {

// A product [m, k] by [n, k], and what it ends with: rounded outputs, fp32 sums, or SwiGLU's n / 2 outputs.
struct TimedProduct {
  enum class Output : uint8_t { bf16, fp32, swiglu };
  int m = 0;
  int n = 0;
  int k = 0;
  Output output = Output::bf16;
  auto operator<=>(const TimedProduct&) const = default;
};

class ProductTimings {
 public:
  // Texts of kernels, the fastest first, null if it was not timed.
  const std::vector<std::string>* find(const TimedProduct& product) const;
  void add(const TimedProduct& product, std::vector<std::string> fastest_first);

  // A line a product: "m n k output: kernel; kernel; ...", after a line with what they were measured on.
  std::string text(const std::string& machine) const;
  // Takes over a text of this machine; of another, or of none, nothing.
  void take(const std::string& text, const std::string& machine);

 private:
  std::map<TimedProduct, std::vector<std::string>> products_;
};

}  // namespace ra::cuda
