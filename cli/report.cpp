// repro-audit report: an audit's reports, made again from the database.
#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/report_files.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "core/error.h"

namespace ra {
namespace {

struct ReportOptions {
  std::optional<std::string> id, database;
  ReportFiles files;
  bool force = false;
};

int run_report(const ReportOptions& options) {
  const std::string database = database_path(options.database, read_config(config_path()));
  check_report_files(options.files, options.force, {database});
  if (!options.files.any())
    throw Error(Exit::usage, "no report; expected --html FILE, --json FILE or another format's option");
  const Store store = Store::open_reader(database);
  const Audit audit = store.load(store.resolve(options.id.value_or("latest")));
  write_report_files(options.files, audit, analyze(audit));
  return 0;
}

}  // namespace

Verb add_report(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("report", "Write an audit's reports");
  const auto options = std::make_shared<ReportOptions>();
  add_text(*verb, "id", options->id, "The audit: an id, the beginning of one, or latest (default)", "ID");
  declare_report_files(*verb, options->files);
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--force", options->force, "Replace files that exist");
  verb->footer(
      "The same audit gives the same bytes.\n\nExample:\n  repro-audit report latest --html report.html");
  return {verb, [options] { return run_report(*options); }};
}

}  // namespace ra
