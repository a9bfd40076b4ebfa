#include "kernels/cuda/product_timings.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <utility>

namespace ra::cuda {
namespace {

constexpr const char* kSeparator = "; ";
constexpr size_t kMostProducts = 4096;  // taken from a text
constexpr size_t kMostKernels = 16;     // of a product
constexpr const char* kOutputNames[] = {"bf16", "fp32", "swiglu"};

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

const std::vector<std::string>* ProductTimings::find(const TimedProduct& product) const {
  const auto found = products_.find(product);
  return found == products_.end() ? nullptr : &found->second;
}

void ProductTimings::add(const TimedProduct& product, std::vector<std::string> fastest_first) {
  products_[product] = std::move(fastest_first);
}

std::string ProductTimings::text(const std::string& machine) const {
  std::ostringstream out;
  out << machine << '\n';
  for (const auto& [product, kernels] : products_) {
    out << product.m << ' ' << product.n << ' ' << product.k << ' '
        << kOutputNames[static_cast<size_t>(product.output)] << ':';
    for (const std::string& kernel : kernels) out << (&kernel == kernels.data() ? " " : kSeparator) << kernel;
    out << '\n';
  }
  return out.str();
}

void ProductTimings::take(const std::string& text, const std::string& machine) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != machine) return;
  while (std::getline(lines, line) && products_.size() < kMostProducts) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream fields(line.substr(0, colon));
    TimedProduct product;
    std::string output;
    if (!(fields >> product.m >> product.n >> product.k >> output)) continue;
    const auto name = std::find(std::begin(kOutputNames), std::end(kOutputNames), output);
    if (name == std::end(kOutputNames)) continue;
    product.output = static_cast<TimedProduct::Output>(name - std::begin(kOutputNames));
    products_[product] = split(line.substr(std::min(colon + 2, line.size())));
  }
}

}  // namespace ra::cuda
