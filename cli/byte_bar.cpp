#include "cli/byte_bar.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal.h"

namespace ra {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr size_t kBarWidth = 24;

}  // namespace

ByteBar::ByteBar(std::string label, int width)
    : label_(std::move(label)), width_(static_cast<size_t>(width)) {}

ByteBar::~ByteBar() {
  if (open_) rewrite_line("", width_);
}

void ByteBar::show(uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < kInterval) return;
  shown_ = now;
  open_ = true;
  rewrite_line(line(done, total), width_);
}

std::string ByteBar::line(uint64_t done, uint64_t total) const {
  const double part =
      total == 0 ? 1 : static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  const auto filled = static_cast<size_t>(part * kBarWidth);
  return fmt::format("{} [{}{}] {:3.0f}% of {:.1f} MiB", label_, std::string(filled, '#'),
                     std::string(kBarWidth - filled, '.'), 100 * part,
                     static_cast<double>(total) / (1 << 20));
}

}  // namespace ra
