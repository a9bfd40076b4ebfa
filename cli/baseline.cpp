// repro-audit baseline: names for audits that later ones are compared with.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/config.h"
#include "cli/locations.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/audit/analysis.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_values.h"
#include "core/printable.h"
#include "reports/report.h"

namespace ra {
namespace {

constexpr const char* kDefaultName = "default";

struct BaselineOptions {
  std::optional<std::string> audit, name, database, color;
  bool json = false;
};

std::string path_of(const BaselineOptions& options) {
  return database_path(options.database, read_config(config_path()));
}

int run_set(const BaselineOptions& options) {
  if (!options.audit) throw Error(Exit::usage, "no audit; expected an id, or latest");
  const std::string name = options.name.value_or(kDefaultName);
  const std::string path = path_of(options);
  std::string id, before;
  {
    const Store store = Store::open_reader(path);  // a database that is not there is not made
    id = store.resolve(*options.audit);
    for (const Baseline& baseline : store.baselines()) {
      if (baseline.name == name) before = fmt::format(" (was {})", baseline.audit);
    }
  }
  Store::open_writer(path).set_baseline(name, id);
  print(fmt::format("baseline {}: audit {}{}\n", name, id, before));
  return static_cast<int>(Exit::ok);
}

Json baseline_json(const Baseline& baseline) {
  return Json{Json::Object{{"name", json::text(baseline.name)},
                           {"audit", json::text(baseline.audit)},
                           {"set", json::text(baseline.set)}}};
}

int run_list(const BaselineOptions& options) {
  const std::vector<Baseline> baselines = Store::open_reader(path_of(options)).baselines();
  if (options.json) {
    print(json_text(Json{Json::Object{{"baselines", json::array(baselines, baseline_json)}}}));
    return static_cast<int>(Exit::ok);
  }
  size_t longest = 0;
  for (const Baseline& baseline : baselines) longest = std::max(longest, baseline.name.size());
  std::string lines;
  for (const Baseline& baseline : baselines)
    lines += fmt::format("{:<{}}  {}  set {}\n", printable(baseline.name), longest, printable(baseline.audit),
                         printable(baseline.set));
  print(lines);
  return static_cast<int>(Exit::ok);
}

int run_show(const BaselineOptions& options) {
  const Store store = Store::open_reader(path_of(options));
  const Baseline baseline = store.baseline(options.name.value_or(kDefaultName));
  const Audit audit = store.load(baseline.audit);
  print(fmt::format("baseline {}: audit {}, set {}\nmodel {}, prompt \"{}\"\n\n", baseline.name,
                    printable(baseline.audit), printable(baseline.set),
                    printable(audit.subject.model_name, 30), printable(audit.subject.prompt_text, 30)) +
        text_summary(audit, analyze(audit), terminal_width(), use_color(options.color.value_or("auto"))));
  return static_cast<int>(Exit::ok);
}

int run_rm(const BaselineOptions& options) {
  if (!options.name) throw Error(Exit::usage, "no name; expected one that `repro-audit baseline list` shows");
  const std::string path = path_of(options);
  Store::open_reader(path).baseline(*options.name);  // a database that is not there is not made
  Store::open_writer(path).remove_baseline(*options.name);
  print(fmt::format("baseline {}: removed; its audit is still there\n", *options.name));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_baseline(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("baseline", "Name audits that later ones are compared with");
  verb->require_subcommand(1);
  const auto options = std::make_shared<BaselineOptions>();
  const auto declare = [&](const char* name, const std::string& description, const std::string& footer) {
    CLI::App* part = verb->add_subcommand(name, description);
    add_text(*part, "--db", options->database, "The database (default: the configured one)", "FILE");
    part->footer(footer);
    return part;
  };
  CLI::App* set =
      declare("set", "Make an audit a baseline",
              "The audit must be complete. `db prune` keeps it.\n\nExamples:\n"
              "  repro-audit baseline set latest nightly\n  repro-audit run --prompt feynman.txt --baseline "
              "nightly");
  add_text(*set, "audit", options->audit, "The audit: an id, the beginning of one, or latest", "ID");
  add_text(*set, "name", options->name, "The name (default: default); one that it had goes to this audit",
           "NAME");
  CLI::App* list = declare("list", "List the baselines",
                           "Each line: name, audit, when it was set.\n\n"
                           "Example:\n  repro-audit baseline list");
  add_flag(*list, "--json", options->json, "The same as JSON");
  CLI::App* show =
      declare("show", "Show a baseline's audit", "Example:\n  repro-audit baseline show nightly");
  add_text(*show, "name", options->name, "The name (default: default)", "NAME");
  add_choice(*show, "--color", options->color, kColorChoices, "auto, always or never (default auto)", "WHEN");
  CLI::App* rm =
      declare("rm", "Remove a baseline; its audit stays", "Example:\n  repro-audit baseline rm nightly");
  add_text(*rm, "name", options->name, "The name", "NAME");
  verb->footer("Examples:\n  repro-audit baseline set latest nightly\n  repro-audit baseline list");
  return {verb, [=] {
            return set->parsed()    ? run_set(*options)
                   : list->parsed() ? run_list(*options)
                   : show->parsed() ? run_show(*options)
                                    : run_rm(*options);
          }};
}

}  // namespace ra
