// What the writer and the reader of export files share.
#pragma once

namespace ra {

inline constexpr const char* kExportFormat = "repro-audit-export";
inline constexpr int kExportVersion = 1;

}  // namespace ra
