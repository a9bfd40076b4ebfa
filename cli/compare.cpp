// repro-audit compare: what differs between two audits.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/comparison.h"
#include "core/audit/export.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/json.h"
#include "core/llm/input_file.h"
#include "reports/comparison_report.h"

namespace ra {
namespace {

struct CompareOptions {
  std::optional<std::string> a, b, database, color;
  bool json = false;
};

struct Named {
  std::string name;
  Audit audit;
};

bool is_file(const std::string& word) {
  return word.find('/') != std::string::npos || word.ends_with(".gz");
}

// Finds audits; opens the database when the first of them is in it.
class Sources {
 public:
  explicit Sources(std::optional<std::string> database) : database_(std::move(database)) {}

  Named find(const std::string& word) {
    if (is_file(word)) return {word, read_export(InputFile::open(word).read_text(kMaxExportBytes), word)};
    const Store& store = this->store();
    for (const Baseline& baseline : store.baselines()) {
      if (baseline.name == word) return {"baseline " + word, store.load(baseline.audit)};
    }
    return {"audit " + word, store.load(store.resolve(word))};
  }

 private:
  const Store& store() {
    if (!store_) store_ = Store::open_reader(database_path(database_, read_config(config_path())));
    return *store_;
  }

  std::optional<std::string> database_;
  std::optional<Store> store_;
};

int run_compare(const CompareOptions& options) {
  if (!options.a)
    throw Error(Exit::usage,
                "nothing to compare; expected audits, baselines or export files: "
                "`repro-audit compare nightly latest`");
  Sources sources(options.database);
  const Named a = sources.find(*options.a), b = sources.find(options.b.value_or("latest"));
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
