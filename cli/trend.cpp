// repro-audit trend: how the figures of one model and prompt moved from audit to audit.
#include "reports/trend.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/output_file.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "core/error.h"

namespace ra {
namespace {

constexpr int32_t kAudits = 30;  // shown unless told otherwise

struct TrendOptions {
  std::optional<std::string> id, database, html;
  std::optional<int32_t> last;
  bool json = false, force = false;
};

// The audits of the model and prompt of `id`, the oldest first and at most `last` of them, `id` the newest.
Trend read_trend(const Store& store, const std::string& id, size_t last) {
  const std::vector<AuditSummary> audits = store.list();
  const auto chosen =
      std::find_if(audits.begin(), audits.end(), [&](const AuditSummary& audit) { return audit.id == id; });
  Trend trend{chosen->model_name, chosen->model_sha256, chosen->prompt_text, chosen->prompt_sha256, {}};
  std::vector<std::string> ids;
  for (auto audit = audits.begin(); audit <= chosen; ++audit) {
    if (audit->model_sha256 == trend.model_sha256 && audit->prompt_sha256 == trend.prompt_sha256)
      ids.push_back(audit->id);
  }
  if (ids.size() > last) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(last));
  const bool show = stderr_is_terminal();
  for (size_t i = 0; i < ids.size(); ++i) {
    if (show) {
      rewrite_line(fmt::format("repro-audit: reading audit {} of {}", i + 1, ids.size()),
                   static_cast<size_t>(terminal_width()));
    }
    const Audit audit = store.load(ids[i]);
    trend.entries.push_back(trend_entry(audit, analyze(audit)));
  }
  if (show) rewrite_line("", static_cast<size_t>(terminal_width()));
  return trend;
}

int run_trend(const TrendOptions& options) {
  const std::string database = database_path(options.database, read_config(config_path()));
  if (options.html) check_output("--html", *options.html, options.force, {database});
  if (options.json && options.html == "-")
    throw Error(Exit::usage, "--json and --html name the same file; expected two");
  const Store store = Store::open_reader(database);
  const Trend trend = read_trend(store, store.resolve(options.id.value_or("latest")),
                                 static_cast<size_t>(options.last.value_or(kAudits)));
  if (options.html) write_output(*options.html, trend_html(trend));
  if (options.html == "-") return 0;
  print(options.json ? trend_json(trend) : trend_text(trend));
  return 0;
}

}  // namespace

Verb add_trend(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("trend", "Show how the audits of a model and prompt moved");
  const auto options = std::make_shared<TrendOptions>();
  add_text(
      *verb, "id", options->id,
      "The newest of them: an id, the beginning of one, or latest (default); the others have its model and "
      "prompt",
      "ID");
  add_number(*verb, "--last", options->last, 1, 10'000, "How many at most (default 30)");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  add_text(*verb, "--html", options->html, "Write a page with charts, too", "FILE|-");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_flag(*verb, "--force", options->force, "Replace files that exist");
  verb->footer(
      "Of each arm: different answers, random trials that differ, the first token that differed, tokens/s; "
      "and what "
      "was\nnot as in the audit before.\n\nExamples:\n  repro-audit trend\n  repro-audit trend latest --last "
      "10 "
      "--html trend.html");
  return {verb, [options] { return run_trend(*options); }};
}

}  // namespace ra
