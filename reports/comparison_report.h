// What two audits compared to: for the terminal and for machines. Pure, as report.h.
#pragma once

#include <string>

#include "core/audit/comparison.h"

namespace ra {

struct ComparedAudit {
  const Audit& audit;
  std::string name;  // "baseline nightly", "audit latest", a file
};

// At most `width` columns; `color` adds SGR codes. Ends with a newline.
std::string text_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found,
                            int width, bool color);
// UTF-8 that is all ASCII, a trailing newline; man/repro-audit-report.5 says what the members mean.
std::string json_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found);

}  // namespace ra
