// One file that carries a whole audit: between machines, and into a repository. gzip of JSON lines, each an object with
// its kind; man/repro-audit-export.5 says what each member means. In this order:
//   audit, prompt_pieces, arm, plan, text, trial, turns, segment, choices, stream, attempt, pieces, end
// The line `end` has the SHA-256 of all lines before it. The same audit gives the same bytes.
#pragma once

#include <string>
#include <string_view>

#include "core/audit/audit.h"

namespace ra {

std::string export_audit(const Audit& audit);

// The audit that a file holds. Nothing in it is believed: bounds, the plan, every hash and chain are checked, and that the
// facts can be analysed. Error(bad_input) "<name>: line <n>: <found>; expected <what>".
Audit read_export(std::string_view file, const std::string& name);

inline constexpr size_t kMaxExportBytes = size_t{256} << 20;  // of a file

}  // namespace ra
