// repro-audit show: an audit's summary in the terminal.
#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/named_audits.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "reports/evidence/run_lines.h"
#include "reports/prompts_report.h"
#include "reports/report.h"

namespace ra {
namespace {

struct ShowOptions {
  std::optional<std::string> id, database, color;
  bool json = false;
};

// On one line, or halved where that is too wide.
std::string chain_text(const std::string& head, int width) {
  const std::string title = "Run chain: ";
  if (title.size() + head.size() <= static_cast<size_t>(width)) return title + head + "\n";
  const size_t half = head.size() / 2;
  return title + head.substr(0, half) + "\n" + std::string(title.size(), ' ') + head.substr(half) + "\n";
}

int run_show(const ShowOptions& options) {
  const Store store = Store::open_reader(database_path(options.database, read_config(config_path())));
  const NamedAudits named = find_audits(store, options.id.value_or("latest"));
  const int width = terminal_width();
  const bool color = use_color(options.color.value_or("auto"));
  if (!named.set.empty()) {
    const PromptSet set = load_set(store, named.audits);
    print(options.json ? prompts_json(set) : prompts_text(set, width, color));
    return 0;
  }
  const Audit audit = store.load(named.audits.front());
  const Finding finding = analyze(audit);
  print(options.json ? json_report(audit, finding)
                     : text_summary(audit, finding, width, color) + chain_text(run_lines(audit).head, width));
  return 0;
}

}  // namespace

Verb add_show(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("show", "Show the summary of an audit, or of a list's");
  const auto options = std::make_shared<ShowOptions>();
  add_text(*verb, "id", options->id, "The audit or set: an id, the beginning of one, or latest (default)",
           "ID");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_choice(*verb, "--color", options->color, kColorChoices, "auto, always or never (default auto)", "WHEN");
  add_flag(*verb, "--json", options->json, "The report for machines instead");
  verb->footer(
      "The run chain is the SHA-256 that evidence of the audit ends in: noted elsewhere, it shows that no "
      "run was changed since.\n\nExample:\n  repro-audit show latest");
  return {verb, [options] { return run_show(*options); }};
}

}  // namespace ra
