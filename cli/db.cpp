// repro-audit db check: whether the database still holds what was put into it.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/json_values.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/json.h"

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
  verb->footer("Example:\n  repro-audit db check");
  return {verb, [options] { return run_db_check(*options); }};
}

}  // namespace ra
