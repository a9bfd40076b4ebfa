#include "core/audit/store_time.h"

#include <ctime>
#include <random>

#include "core/error.h"
#include "core/hash.h"

namespace ra {
namespace {

constexpr const char* kTime = "%Y-%m-%dT%H:%M:%SZ";
constexpr int64_t kSecondsOfADay = 86'400;

std::string formatted(const char* format, int64_t days_ago = 0) {
  const std::time_t then = std::time(nullptr) - static_cast<std::time_t>(days_ago * kSecondsOfADay);
  std::tm parts{};
  check(gmtime_r(&then, &parts) != nullptr, "the clock to show a year");
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace

std::string utc_now() {
  return formatted(kTime);
}

std::string utc_days_ago(int64_t days) {
  return formatted(kTime, days);
}

std::string new_audit_id() {
  std::random_device random;
  return formatted("%Y%m%dT%H%M%S-") + hex(uint64_t{random()}).substr(12);
}

}  // namespace ra
