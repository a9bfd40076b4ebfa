// repro-audit compare: what differs between two audits.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/audit_source.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/comparison.h"
#include "core/error.h"
#include "core/json.h"
#include "reports/comparison_report.h"

namespace ra {
namespace {

struct CompareOptions {
  std::optional<std::string> a, b, database, color;
  bool json = false;
};

int run_compare(const CompareOptions& options) {
  if (!options.a)
    throw Error(Exit::usage,
                "nothing to compare; expected audits, baselines or export files: "
                "`repro-audit compare nightly latest`");
  AuditSource sources(options.database);
  const NamedAudit a = sources.find(*options.a), b = sources.find(options.b.value_or("latest"));
  const Comparison found = compare(a.audit, analyze(a.audit), b.audit, analyze(b.audit));
  const ComparedAudit a_side{a.audit, a.name}, b_side{b.audit, b.name};
  print(options.json ? json_comparison(a_side, b_side, found)
                     : text_comparison(a_side, b_side, found, terminal_width(),
                                       use_color(options.color.value_or("auto"))));
  return found.exit_status;
}

}  // namespace

Verb add_compare(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("compare", "Say what differs between two audits");
  const auto options = std::make_shared<CompareOptions>();
  add_text(*verb, "a", options->a, "The earlier one: a baseline, an audit's id, or an export file", "A");
  add_text(*verb, "b", options->b, "The later one, as the first (default: latest)", "B");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  add_choice(*verb, "--color", options->color, kColorChoices, "auto, always or never (default auto)", "WHEN");
  verb->footer(
      "A word with a slash, or with .gz at its end, is an export file. Exit status 0: the same, 1: "
      "different, 8: not "
      "comparable.\n\nExamples:\n  repro-audit compare nightly latest\n  repro-audit compare "
      "./monday.jsonl.gz latest");
  return {verb, [options] { return run_compare(*options); }};
}

}  // namespace ra
