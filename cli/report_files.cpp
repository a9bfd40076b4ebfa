#include "cli/report_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/arguments.h"
#include "cli/output_file.h"
#include "core/error.h"
#include "reports/prompts_report.h"
#include "reports/report.h"

namespace ra {
namespace {

struct Format {
  const char* option;
  const char* description;
  std::optional<std::string> ReportFiles::*file;
  std::string (*report)(const Audit& audit, const Finding& finding);
  std::string (*prompts)(const PromptSet& set);
};
constexpr Format kFormats[] = {
    {"--html", "Write the report for people", &ReportFiles::html, html_report, prompts_html},
    {"--json", "Write the report for machines", &ReportFiles::json, json_report, prompts_json},
    {"--junit", "Write JUnit XML: a test case a rule of the policy", &ReportFiles::junit, junit_report,
     prompts_junit},
    {"--markdown", "Write Markdown for a job's summary", &ReportFiles::markdown, markdown_report,
     prompts_markdown},
    {"--prometheus", "Write Prometheus' text format", &ReportFiles::prometheus, prometheus_report,
     prompts_prometheus},
};

}  // namespace

void declare_report_files(CLI::App& verb, ReportFiles& files) {
  for (const Format& format : kFormats)
    add_text(verb, format.option, files.*format.file, format.description, "FILE|-");
}

void check_report_files(const ReportFiles& files, bool force, const std::vector<std::string>& inputs) {
  for (const Format& format : kFormats) {
    const std::optional<std::string>& file = files.*format.file;
    if (!file) continue;
    check_output(format.option, *file, force, inputs);
    for (const Format* other = kFormats; other != &format; ++other) {
      if (files.*(other->file) == file)
        throw Error(Exit::usage,
                    fmt::format("{} and {} name the same file; expected two", other->option, format.option));
    }
  }
}

void write_report_files(const ReportFiles& files, const Audit& audit, const Finding& finding) {
  for (const Format& format : kFormats) {
    if (const std::optional<std::string>& file = files.*format.file)
      write_output(*file, format.report(audit, finding));
  }
}

void write_report_files(const ReportFiles& files, const PromptSet& set) {
  for (const Format& format : kFormats) {
    if (const std::optional<std::string>& file = files.*format.file) write_output(*file, format.prompts(set));
  }
}

bool has_file(const ReportFiles& files, const std::string& file) {
  return std::any_of(std::begin(kFormats), std::end(kFormats),
                     [&](const Format& format) { return files.*format.file == file; });
}

}  // namespace ra
