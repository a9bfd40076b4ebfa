// The parts of reading an export file. Included by export_read*.cpp alone.
#pragma once

#include <string>
#include <vector>

#include "core/audit/export_line.h"
#include "core/audit/plan.h"

namespace ra {

// The lines plan, text, trial and turns. Checked: the plan by itself, its SHA-256, and that it can be laid out.
Plan read_export_plan(ExportLines& lines, std::vector<std::string> arms);

}  // namespace ra
