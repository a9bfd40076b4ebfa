// The clock, for what people read: order in the database is by serial numbers, never by time.
#pragma once

#include <cstdint>
#include <string>

namespace ra {

std::string utc_now();  // 2026-11-22T08:00:00Z
std::string utc_days_ago(int64_t days);
std::string new_audit_id();  // the time without punctuation and four random hexadecimal digits

}  // namespace ra
