// Reports that are kept: tests/golden/reports. A test that finds another one writes it down and says where.
#pragma once

#include <string>

#include "core/audit/audit.h"

namespace ra {

// Expects `bytes` to be those of tests/golden/reports/<name>.
void expect_golden(const std::string& name, const std::string& bytes);

// A page with its style sheet and the sheet's hash left out.
std::string without_style(std::string page);

// Two arms, six runs of six tokens; standard parts twice, once by an early stop.
Audit small_scripted_audit();

}  // namespace ra
