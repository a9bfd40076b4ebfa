#include "core/audit/store_time.h"

#include <ctime>
#include <random>

#include "core/error.h"
#include "core/hash.h"

namespace ra {
namespace {

std::string formatted(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  check(gmtime_r(&now, &parts) != nullptr, "the clock to show a year");
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

}  // namespace

std::string utc_now() {
  return formatted("%Y-%m-%dT%H:%M:%SZ");
}

std::string new_audit_id() {
  std::random_device random;
  return formatted("%Y%m%dT%H%M%S-") + hex(uint64_t{random()}).substr(12);
}

}  // namespace ra
