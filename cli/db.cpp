// repro-audit db: whether the database still holds what was put into it, and what of it may go.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/db_prune.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/audit/store_time.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_values.h"
#include "core/printable.h"

namespace ra {
namespace {

struct DbCheckOptions {
  std::optional<std::string> database;
  bool json = false;
};

int run_db_check(const DbCheckOptions& options) {
  const std::string path = database_path(options.database, read_config(config_path()));
  const Store store = Store::open_reader(path);
  const std::vector<std::string> problems = store.verify();
  std::vector<AuditSummary> audits;
  if (problems.empty()) audits = store.list();  // what is damaged may not be countable
  int64_t turns = 0;
  for (const AuditSummary& audit : audits) turns += audit.turns_done;
  if (options.json) {
    const bool whole = problems.empty();
    print(json_text(Json{Json::Object{{"database", json::text(path)},
                                      {"whole", Json{whole}},
                                      {"audits", whole ? json::count(audits.size()) : Json{}},
                                      {"trials", whole ? json::count(turns) : Json{}},
                                      {"problems", json::texts(problems)}}}));
    return static_cast<int>(whole ? Exit::ok : Exit::bad_input);
  }
  if (problems.empty()) {
    print(fmt::format("{}: whole: {} audits, {} trials, every hash and chain recomputed\n",
                      printable(path, 4096), audits.size(), turns));
    return static_cast<int>(Exit::ok);
  }
  std::string lines;
  for (const std::string& problem : problems) lines += printable(problem, 1000) + "\n";
  print(lines +
        fmt::format("{} problems; `sqlite3 FILE .recover` saves what can be read\n", problems.size()));
  return static_cast<int>(Exit::bad_input);
}

struct DbPruneOptions {
  std::optional<std::string> database;
  std::optional<int64_t> keep, older_than;
  bool dry_run = false;
};

int run_db_prune(const DbPruneOptions& options) {
  if (options.keep.has_value() == options.older_than.has_value()) {
    throw Error(Exit::usage, options.keep ? "both --keep and --older-than; expected one of them"
                                          : "nothing to go by; expected --keep N or --older-than DAYS");
  }
  const std::string path = database_path(options.database, read_config(config_path()));
  std::optional<std::string> older_than;
  if (options.older_than) older_than = utc_days_ago(*options.older_than);
  std::vector<std::string> ids;
  {
    const Store store = Store::open_reader(path);  // a database that is not there is not made
    ids = prunable(store.list(), store.baselines(), options.keep, older_than);
  }
  std::string lines;
  for (const std::string& id : ids) lines += id + "\n";
  if (!options.dry_run && !ids.empty()) Store::open_writer(path).remove(ids);
  print(lines + fmt::format("{}: {} {}\n", printable(path, 4096), ids.size(),
                            options.dry_run ? "audits would go" : "audits removed"));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_db(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("db", "Look after the database");
  CLI::App* check = verb->add_subcommand(
      "check", "Check the database: structure, every value's seal, every hash and chain");
  verb->require_subcommand(1);
  const auto options = std::make_shared<DbCheckOptions>();
  add_text(*check, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*check, "--json", options->json, "The same as JSON");
  check->footer("Exit status 3 if anything is damaged.\n\nExample:\n  repro-audit db check");
  CLI::App* prune = verb->add_subcommand("prune", "Remove old audits, but never a baseline's");
  const auto prune_options = std::make_shared<DbPruneOptions>();
  add_number(*prune, "--keep", prune_options->keep, 0, 1'000'000'000, "Remove all but the last N");
  add_number(*prune, "--older-than", prune_options->older_than, 1, 36'500,
             "Remove those begun before so many days")
      ->type_name("DAYS");
  add_flag(*prune, "--dry-run", prune_options->dry_run, "Show which would go; remove nothing");
  add_text(*prune, "--db", prune_options->database, "The database (default: the configured one)", "FILE");
  prune->footer(
      "Audits of one list go together, or stay. What goes is listed; the space is given back.\n\n"
      "Examples:\n  repro-audit db prune --keep 30\n  repro-audit db prune --older-than 90 --dry-run");
  verb->footer("Examples:\n  repro-audit db check\n  repro-audit db prune --keep 30");
  return {verb, [=] { return check->parsed() ? run_db_check(*options) : run_db_prune(*prune_options); }};
}

}  // namespace ra
