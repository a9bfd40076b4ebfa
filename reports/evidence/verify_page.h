// statement/VERIFY.md: how to check a bundle with stock tools alone, with this bundle's digests filled in.
#pragma once

#include <string>

#include "reports/evidence/statements.h"

namespace ra {

// Markdown. The blocks marked `sh` are for bash, in the bundle's folder and in this order; those marked `text` need what
// the bundle does not have. `scope` is the finding's.
std::string verify_page(const std::string& audit_id, const std::string& scope, const std::string& sums,
                        const std::string& head, const Issue& issue);

}  // namespace ra
