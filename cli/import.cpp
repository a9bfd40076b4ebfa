// repro-audit import: an export file's audit into the database.
#include <fmt/format.h>

#include <algorithm>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/export.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/llm/input_file.h"

namespace ra {
namespace {

struct ImportOptions {
  std::optional<std::string> file, database;
};

bool holds(const Store& store, const std::string& id) {
  const std::vector<AuditSummary> audits = store.list();
  return std::any_of(audits.begin(), audits.end(), [&](const AuditSummary& audit) { return audit.id == id; });
}

int run_import(const ImportOptions& options) {
  if (!options.file) throw Error(Exit::usage, "no file; expected one that `repro-audit export` wrote");
  const std::string file = InputFile::open(*options.file).read_text(kMaxExportBytes);
  const Audit audit = read_export(file, *options.file);
  const std::string database = database_path(options.database, read_config(config_path()));
  make_data_folder(database);
  Store store = Store::open_writer(database);
  if (!holds(store, audit.id)) {
    store.import(audit);
    print(fmt::format("audit {}: imported, every hash and chain checked\n", audit.id));
    return static_cast<int>(Exit::ok);
  }
  if (export_audit(store.load(audit.id)) != export_audit(audit)) {
    throw Error(
        Exit::not_comparable,
        fmt::format("audit {}: in the database with other content; expected the same, or another --db",
                    audit.id));
  }
  print(fmt::format("audit {}: already in the database, equal\n", audit.id));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_import(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("import", "Bring an exported audit into the database, checking all of it");
  const auto options = std::make_shared<ImportOptions>();
  add_text(*verb, "file", options->file, "A file that `repro-audit export` wrote", "FILE");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  verb->footer(
      "What is damaged or contradicts itself is refused with exit status 3.\n\n"
      "Example:\n  repro-audit import audit.jsonl.gz");
  return {verb, [options] { return run_import(*options); }};
}

}  // namespace ra
