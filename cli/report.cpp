// repro-audit report: an audit's reports, made again from the database.
#include "reports/report.h"

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/output_file.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "core/error.h"

namespace ra {
namespace {

struct ReportOptions {
  std::optional<std::string> id, database, html, json;
  bool force = false;
};

int run_report(const ReportOptions& options) {
  if (!options.html && !options.json)
    throw Error(Exit::usage, "no report; expected --html FILE or --json FILE");
  if (options.html == options.json)
    throw Error(Exit::usage, "--html and --json name the same file; expected two");
  const std::string database = database_path(options.database, read_config(config_path()));
  if (options.html) check_output("--html", *options.html, options.force, {database});
  if (options.json) check_output("--json", *options.json, options.force, {database});
  const Store store = Store::open_reader(database);
  const Audit audit = store.load(store.resolve(options.id.value_or("latest")));
  const Finding finding = analyze(audit);
  if (options.html) write_output(*options.html, html_report(audit, finding));
  if (options.json) write_output(*options.json, json_report(audit, finding));
  return 0;
}

}  // namespace

Verb add_report(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("report", "Write an audit's reports");
  const auto options = std::make_shared<ReportOptions>();
  add_text(*verb, "id", options->id, "The audit: an id, the beginning of one, or latest (default)", "ID");
  add_text(*verb, "--html", options->html, "The report for people", "FILE|-");
  add_text(*verb, "--json", options->json, "The report for machines", "FILE|-");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--force", options->force, "Replace files that exist");
  verb->footer(
      "The same audit gives the same bytes.\n\nExample:\n  repro-audit report latest --html report.html");
  return {verb, [options] { return run_report(*options); }};
}

}  // namespace ra
