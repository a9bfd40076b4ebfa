// repro-audit list: one line an audit, oldest first.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/json.h"

namespace ra {
namespace {

struct ListOptions {
  std::optional<std::string> database;
};

int run_list(const ListOptions& options) {
  const Store store = Store::open_reader(database_path(options.database, read_config(config_path())));
  std::string lines;
  for (const AuditSummary& audit : store.list()) {
    const std::string state =
        audit.turns_done == audit.turns ? "complete" : fmt::format("{} of {}", audit.turns_done, audit.turns);
    lines += fmt::format("{}  {}  {:<12}  {}  {}  \"{}\"\n", audit.id, audit.created, state,
                         printable(audit.model_name, 40), fmt::join(audit.arms, ","),
                         printable(audit.prompt_text, 40));
  }
  print(lines);
  return 0;
}

}  // namespace

Verb add_list(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("list", "List the audits in the database");
  const auto options = std::make_shared<ListOptions>();
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  verb->footer(
      "Each line: id, when it began (UTC), trials done, model, arms, prompt.\n\nExample:\n  repro-audit "
      "list");
  return {verb, [options] { return run_list(*options); }};
}

}  // namespace ra
