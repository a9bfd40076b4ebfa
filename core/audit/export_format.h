// What the writer and the reader of export files share.
#pragma once

#include <cstddef>

namespace ra {

inline constexpr const char* kExportFormat = "repro-audit-export";
inline constexpr int kExportVersion = 1;
inline constexpr size_t kExportPart =
    100'000;  // values of a list in one line, where a list may go on in the next

}  // namespace ra
