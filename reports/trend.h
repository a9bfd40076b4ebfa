// How an audit's figures move from one night to the next: the audits of one model and prompt, oldest first.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/arm_summary.h"
#include "core/audit/audit.h"

namespace ra {

struct TrendEntry {
  std::string id, created, tool;
  int exit_status = 0;
  std::vector<ArmSummary> arms;
  // What may explain a step: "tool", "settings NAME", "environment NAME (ARM)" -> its value.
  std::map<std::string, std::string> conditions;
};

struct Trend {
  std::string model_name, model_sha256, prompt_text, prompt_sha256;
  std::vector<TrendEntry> entries;
};

TrendEntry trend_entry(const Audit& audit, const Finding& finding);

// The names of what is not as in the entry before; none for the first.
std::vector<std::string> changes(const Trend& trend, size_t entry);
// The arms of all entries, in the order in which they first appear.
std::vector<std::string> arm_names(const Trend& trend);
// The arm of that name; null if the entry has none.
const ArmSummary* arm_named(const TrendEntry& entry, const std::string& name);

// A table an arm.
std::string trend_text(const Trend& trend);
// man/repro-audit-report.5, OTHER VERBS.
std::string trend_json(const Trend& trend);
// One self-contained file like html_report(): charts, then the tables.
std::string trend_html(const Trend& trend);

}  // namespace ra
