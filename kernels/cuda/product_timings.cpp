#include "kernels/cuda/product_timings.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace ra::cuda {
namespace {

constexpr const char* kSeparator = "; ";
constexpr size_t kMostShapes = 4096;  // taken from a text
constexpr size_t kMostKernels = 16;   // of a shape

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t from = 0; from < text.size() && parts.size() < kMostKernels;) {
    const size_t to = std::min(text.find(kSeparator, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + std::string(kSeparator).size();
  }
  return parts;
}

}  // namespace

const std::vector<std::string>* ProductTimings::find(const LtShape& shape) const {
  const auto found = shapes_.find(shape);
  return found == shapes_.end() ? nullptr : &found->second;
}

void ProductTimings::add(const LtShape& shape, std::vector<std::string> fastest_first) {
  shapes_[shape] = std::move(fastest_first);
}

std::string ProductTimings::text(const std::string& machine) const {
  std::ostringstream out;
  out << machine << '\n';
  for (const auto& [shape, kernels] : shapes_) {
    out << shape.m << ' ' << shape.n << ' ' << shape.k << ' ' << (shape.fp32_out ? "fp32" : "bf16") << ':';
    for (const std::string& kernel : kernels) out << (&kernel == kernels.data() ? " " : kSeparator) << kernel;
    out << '\n';
  }
  return out.str();
}

void ProductTimings::take(const std::string& text, const std::string& machine) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != machine) return;
  while (std::getline(lines, line) && shapes_.size() < kMostShapes) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream fields(line.substr(0, colon));
    LtShape shape;
    std::string out;
    if (!(fields >> shape.m >> shape.n >> shape.k >> out) || (out != "fp32" && out != "bf16")) continue;
    shape.fp32_out = out == "fp32";
    shapes_[shape] = split(line.substr(std::min(colon + 2, line.size())));
  }
}

}  // namespace ra::cuda
