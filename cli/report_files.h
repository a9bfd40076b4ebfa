// The reports that a command line asks for, one option a format.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/prompt_set.h"

namespace ra {

// A file's path each, "-" for stdout, absent if not asked for.
struct ReportFiles {
  std::optional<std::string> html, json, junit, markdown, prometheus;
  bool any() const { return html || json || junit || markdown || prometheus; }
};

// Declares --html, --json, --junit, --markdown and --prometheus on `verb`; `files` outlives it.
void declare_report_files(CLI::App& verb, ReportFiles& files);

// Before the work: Error(usage) for two options with one file, and as check_output says of each.
void check_report_files(const ReportFiles& files, bool force, const std::vector<std::string>& inputs);

void write_report_files(const ReportFiles& files, const Audit& audit, const Finding& finding);
void write_report_files(const ReportFiles& files, const PromptSet& set);

// Whether a report is to be written to `file`; "-": to stdout.
bool has_file(const ReportFiles& files, const std::string& file);

}  // namespace ra
