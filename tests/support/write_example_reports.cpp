// Writes the reports of example_audit() into a folder, for a look at them: write_example_reports FOLDER.
#include <cstdio>
#include <fstream>
#include <string>

#include "core/audit/analysis.h"
#include "core/audit/comparison.h"
#include "reports/comparison_report.h"
#include "reports/report.h"
#include "tests/support/example_audit.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_example_reports FOLDER\n", stderr);
    return 2;
  }
  const auto write = [&](const std::string& name, const ra::ExampleSpec& spec) {
    const ra::Audit audit = ra::example_audit(spec);
    const ra::Finding finding = ra::analyze(audit);
    const std::string path = std::string(argv[1]) + "/" + name;
    std::ofstream(path + ".html", std::ios::binary) << ra::html_report(audit, finding);
    std::ofstream(path + ".json", std::ios::binary) << ra::json_report(audit, finding);
    std::fputs(ra::text_summary(audit, finding, 80, false).c_str(), stdout);
  };
  write("parted", {});
  write("quiet", {.runs = 100, .parts = false});
  write("unfinished", {.runs = 300, .finished = false});
  write("hostile", {.runs = 100, .hostile = true});
  const auto [a, b] = ra::example_update();
  const ra::Finding a_finding = ra::analyze(a), b_finding = ra::analyze(b);
  std::ofstream(std::string(argv[1]) + "/compared.html", std::ios::binary)
      << ra::html_comparison({a, "baseline nightly"}, a_finding, {b, "audit latest"}, b_finding,
                             ra::compare(a, a_finding, b, b_finding));
}
