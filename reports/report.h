// Reports: pure functions from an audit and its finding to bytes. The same audit gives the same bytes.
#pragma once

#include <string>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"

namespace ra {

// The machine's report: JSON, UTF-8, a trailing newline; man/repro-audit-report.5 documents it.
std::string json_report(const Audit& audit, const Finding& finding);
// The person's report: one self-contained HTML file without script or outside reference.
std::string html_report(const Audit& audit, const Finding& finding);
// For CI systems: JUnit XML, a test case an arm and rule of the policy; Markdown that fits a job's summary.
std::string junit_report(const Audit& audit, const Finding& finding);
std::string markdown_report(const Audit& audit, const Finding& finding);
// For node_exporter's textfile collector: Prometheus' text format.
std::string prometheus_report(const Audit& audit, const Finding& finding);
// The terminal's summary, at most `width` columns; `color` adds SGR codes. Ends with a newline.
std::string text_summary(const Audit& audit, const Finding& finding, int width, bool color);

}  // namespace ra
