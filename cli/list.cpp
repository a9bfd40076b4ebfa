// repro-audit list: one line an audit, oldest first.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/store.h"
#include "core/json.h"
#include "core/json_values.h"
#include "core/printable.h"

namespace ra {
namespace {

struct ListOptions {
  std::optional<std::string> database;
  bool json = false;
};

Json prompts_json(const AuditSummary& audit) {
  if (!audit.prompts) return {};
  return Json{Json::Object{{"set", json::text(audit.prompts->set)},
                           {"place", json::count(audit.prompts->place)},
                           {"count", json::count(audit.prompts->count)},
                           {"id", json::text(audit.prompts->name)}}};
}

// Where an audit of a list stands in it, before its prompt: "set-20261122... 3/10 ".
std::string place_text(const AuditSummary& audit) {
  if (!audit.prompts) return "";
  return fmt::format("{} {}/{}  ", audit.prompts->set, audit.prompts->place, audit.prompts->count);
}

Json audit_json(const AuditSummary& audit) {
  return Json{Json::Object{{"id", json::text(audit.id)},
                           {"created", json::text(audit.created)},
                           {"trials_done", json::count(audit.turns_done)},
                           {"trials", json::count(audit.turns)},
                           {"arms", json::texts(audit.arms)},
                           {"list", prompts_json(audit)},
                           {"prompt", json::text(audit.prompt_text)},
                           {"prompt_sha256", json::text(audit.prompt_sha256)},
                           {"model", json::text(audit.model_name)},
                           {"model_sha256", json::text(audit.model_sha256)}}};
}

// At most `width` bytes, which are no fewer than columns, and no half of a character.
std::string clipped(const std::string& line, size_t width) {
  if (line.size() <= width) return line;
  size_t end = width - 3;
  while (end > 0 && (line[end] & 0xc0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

int run_list(const ListOptions& options) {
  const Store store = Store::open_reader(database_path(options.database, read_config(config_path())));
  const std::vector<AuditSummary> audits = store.list();
  if (options.json) {
    print(json_text(Json{Json::Object{{"audits", json::array(audits, audit_json)}}}));
    return 0;
  }
  std::string lines;
  for (const AuditSummary& audit : audits) {
    const std::string state =
        audit.turns_done == audit.turns ? "complete" : fmt::format("{} of {}", audit.turns_done, audit.turns);
    const std::string line =
        fmt::format("{}  {:<11}  {}  {}\"{}\"  {}", audit.id, state, fmt::join(audit.arms, ","),
                    place_text(audit), printable(audit.prompt_text, 40), printable(audit.model_name, 40));
    lines += (stdout_is_terminal() ? clipped(line, static_cast<size_t>(terminal_width())) : line) + "\n";
  }
  print(lines);
  return 0;
}

}  // namespace

Verb add_list(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("list", "List the audits in the database");
  const auto options = std::make_shared<ListOptions>();
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  verb->footer(
      "Each line: id (it begins with when it was begun, UTC), trials done, arms, set and place of one of a "
      "list, prompt, model; on a "
      "terminal as far\nas it has columns.\n\nExample:\n  repro-audit "
      "list");
  return {verb, [options] { return run_list(*options); }};
}

}  // namespace ra
