// repro-audit export: a whole audit as one file.
#include "core/audit/export.h"

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/output_file.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/error.h"

namespace ra {
namespace {

struct ExportOptions {
  std::optional<std::string> id, file, database;
  bool force = false;
};

int run_export(const ExportOptions& options) {
  if (!options.id || !options.file)
    throw Error(Exit::usage,
                "an audit and a file are needed; expected `repro-audit export latest audit.jsonl.gz`");
  const std::string database = database_path(options.database, read_config(config_path()));
  check_output("export", *options.file, options.force, {database});
  const Store store = Store::open_reader(database);
  write_output(*options.file, export_audit(store.load(store.resolve(*options.id))));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_export(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("export", "Write a whole audit to one file, for another machine or a repository");
  const auto options = std::make_shared<ExportOptions>();
  add_text(*verb, "id", options->id, "The audit: an id, the beginning of one, or latest", "ID");
  add_text(*verb, "file", options->file, "The file to write: gzip of JSON lines", "FILE|-");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--force", options->force, "Replace a file that exists");
  verb->footer(
      "The same audit gives the same bytes; `repro-audit import` checks all of them.\n\n"
      "Example:\n  repro-audit export latest audit.jsonl.gz");
  return {verb, [options] { return run_export(*options); }};
}

}  // namespace ra
