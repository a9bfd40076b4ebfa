// repro-audit run: the whole data flow, from the command line to the exit status.
#include <fmt/format.h>

#include <optional>

#include "cli/arguments.h"
#include "cli/audit_setup.h"
#include "cli/blas_guard.h"
#include "cli/devices.h"
#include "cli/dummy_weights.h"
#include "cli/event_log.h"
#include "cli/locations.h"
#include "cli/named_audits.h"
#include "cli/output_file.h"
#include "cli/plan_preview.h"
#include "cli/run_audits.h"
#include "cli/run_baseline.h"
#include "cli/run_options.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "core/audit/analysis.h"
#include "core/audit/runner.h"
#include "core/audit/store.h"
#include "core/error.h"
#include "core/llm/arms.h"
#include "core/printable.h"
#include "reports/comparison_report.h"
#include "reports/prompts_report.h"
#include "reports/report.h"

namespace ra {
namespace {

// Before the work: what keeps a file of events from being written. A resumed audit goes on with the one that it has.
void check_events(const RunOptions& options, const std::vector<std::string>& inputs) {
  if (!options.events) return;
  check_output("--events", *options.events, options.force || options.resume.has_value(), inputs);
  if (has_file(options.reports, *options.events))
    throw Error(Exit::usage, "--events and a report name the same file; expected two");
}

// Stopped or out of time: the exit status, after it was told how to go on with `id`, an audit or a set.
int tell_stopped(const RunOptions& options, const std::string& id, RunEnd end) {
  const std::string database = options.database ? fmt::format(" --db {}", *options.database) : "";
  print_error(fmt::format(
      "repro-audit: {}; nothing is lost\n  go on:           repro-audit run --resume {}{}\n"
      "  results so far:  repro-audit show {}{}\n",
      end == RunEnd::out_of_time ? "--max-minutes are over" : "stopped", id, database, id, database));
  return end == RunEnd::out_of_time ? static_cast<int>(Exit::incomplete) : 128 + stop_signal();
}

// What is odd about a checkpoint and yet allowed; weights that are no numbers are known once they were loaded.
void tell_warnings(const RunOptions& options, const Checkpoint& checkpoint) {
  if (options.quiet) return;
  for (const std::string& warning : checkpoint.warnings())
    print_error(fmt::format("repro-audit: warning: {}\n", warning));
  for (const std::string& tensor : checkpoint.non_finite_tensors())
    print_error(fmt::format("repro-audit: warning: tensor {} holds NaN or infinity\n", tensor));
}

// Of one audit, whole: its reports and summary, and what they lead to.
int end_audit(const RunOptions& options, const Audit& audit, const Finding& finding,
              const std::optional<BaselineAudit>& baseline, std::optional<EventLog>& events) {
  const Verdicts verdicts = judge_by_baseline(baseline, audit, finding);
  write_report_files(options.reports, audit, finding);
  if (events) events->end("complete", verdicts.exit_status, verdicts.reason);
  if (!has_file(options.reports, "-") && options.events != "-") {
    const int width = terminal_width();
    const bool color = use_color(options.color.value_or("auto"));
    print(text_summary(audit, finding, width, color));
    if (verdicts.comparison) {
      print("\n" + text_comparison({baseline->audit, "baseline " + baseline->name}, {audit, "this audit"},
                                   *verdicts.comparison, width, color));
    }
  }
  if (!verdicts.reason.empty()) print_error(fmt::format("repro-audit: {}\n", verdicts.reason));
  return verdicts.exit_status;
}

// Of all prompts of a list.
int end_set(const RunOptions& options, const PromptSet& set, std::optional<EventLog>& events) {
  write_report_files(options.reports, set);
  if (events) events->end_set(set);
  if (!has_file(options.reports, "-") && options.events != "-")
    print(prompts_text(set, terminal_width(), use_color(options.color.value_or("auto"))));
  if (!set.reason.empty()) print_error(fmt::format("repro-audit: {}\n", set.reason));
  return set.exit_status;
}

void tell_shrunk(const RunOptions& options, const std::string& device, std::optional<int32_t> most) {
  if (!most || options.quiet) return;
  print_error(fmt::format("repro-audit: batch sizes up to {}: {} has no memory for all of the default ones\n",
                          *most, device));
}

int run_run(const RunOptions& options) {
  const Config config = read_config(config_path());
  const std::string database = database_path(options.database, config);
  NamedAudits named;
  std::optional<Audit> earlier;
  if (options.resume) {
    const Store store = Store::open_reader(database);
    named = find_resumed(store, *options.resume);
    earlier = store.load(named.audits.front());
  }
  const RunSettings settings = earlier ? resolve_resumed(options, *earlier) : resolve(options, config);
  const std::vector<std::string> inputs = {settings.model, settings.prompt_file, settings.companions_file,
                                           database};
  check_report_files(options.reports, options.force, inputs);
  check_events(options, inputs);
  std::optional<BaselineAudit> baseline;
  if (options.baseline) {
    if (!named.set.empty()) refuse_baseline_of_list();
    baseline = load_baseline(database, *options.baseline, options.database.value_or(""));
  }

  const Checkpoint checkpoint = open_checkpoint(settings.model, settings.dummy_weights);
  if (!is_gpu(settings.device)) require_right_blas(checkpoint.shape(), settings.threads);
  std::optional<Tokenizer> tokenizer;
  if (checkpoint.tokenizer().present()) tokenizer = Tokenizer::open(checkpoint.tokenizer());
  const Tokenizer* const pieces = tokenizer ? &*tokenizer : nullptr;
  std::optional<NewAudits> planned;
  if (!earlier) {
    // The model is hashed: long, where it is large and its digest is not remembered.
    const bool show = !options.quiet && stderr_is_terminal();
    if (show)
      rewrite_line("repro-audit: hashing " + printable(checkpoint.name()),
                   static_cast<size_t>(terminal_width()));
    planned.emplace(settings, checkpoint, pieces);
    if (show) rewrite_line("", static_cast<size_t>(terminal_width()));
  }
  const size_t count = planned ? planned->size() : named.audits.size();
  const auto audit_at = [&](size_t place) {
    return planned ? planned->make(place) : Store::open_reader(database).load(named.audits[place]);
  };
  ArmsSpec spec = arms_spec(settings, checkpoint);
  if (planned) {
    tell_shrunk(options, settings.device, planned->make_room(spec));
  } else {
    for (size_t place = 0; place < count; ++place) make_room(spec, audit_at(place).plan);
  }
  if (baseline) require_comparable(*baseline, audit_at(0));  // which is no list's
  if (options.dry_run) {
    print(plan_preview(count, audit_at, checkpoint.shape(), spec));
    return static_cast<int>(Exit::ok);
  }

  const bool chose_device =
      !options.resume && options.device.value_or(config.device.value_or("auto")) == "auto";
  if (!options.quiet && chose_device)
    print_error(fmt::format("repro-audit: {}\n", device_choice(settings.device)));
  make_data_folder(database);
  Store store = Store::open_writer(database);
  std::optional<EventLog> events;
  if (options.events) events.emplace(*options.events, options.resume.has_value() && !options.force);
  const Arms arms = Arms::open(checkpoint, spec, [&](const std::string& stage) {
    if (!options.quiet) print_error(fmt::format("repro-audit: {}\n", stage));
  });
  tell_warnings(options, checkpoint);
  if (planned) named = create_audits(store, *planned, checkpoint, describe_arms(arms.subjects()));

  watch_stop_signals();
  AuditRuns runs(options, checkpoint, pieces, arms.subjects(), store, events);
  PromptSet set;
  for (const std::string& id : named.audits) {
    const RunEnd end = runs.run(id);
    if (end != RunEnd::complete) {
      const int status = tell_stopped(options, named.set.empty() ? id : named.set, end);
      if (events) events->end(end == RunEnd::out_of_time ? "out of time" : "stopped", status, "");
      return status;
    }
    const Audit audit = store.load(id);
    const Finding finding = analyze(audit);
    if (named.set.empty()) return end_audit(options, audit, finding, baseline, events);
    if (events) events->end("complete", finding.exit_status, finding.reason);
    add_prompt(set, audit, finding);
  }
  conclude(set);
  return end_set(options, set, events);
}

}  // namespace

Verb add_run(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("run", "Run a prompt N times in changing batches, under two or more kernel sets");
  const auto options = std::make_shared<RunOptions>();
  declare_run_options(*verb, *options);
  verb->footer(
      "Everything that happens is kept in the database; a stopped audit goes on with --resume.\n\n"
      "Examples:\n"
      "  repro-audit run --prompt feynman.txt -n 1000\n"
      "  repro-audit run --prompt feynman.txt --profile quick --html report.html\n"
      "  echo 'Name a river.' | repro-audit run --prompt - --batch-sizes 1,16 --json -\n"
      "  repro-audit run --prompt feynman.txt --profile tml --dry-run\n"
      "  repro-audit run --prompt feynman.txt --policy nightly --baseline nightly\n"
      "  repro-audit run --prompts prompts.jsonl --profile quick --junit audit.xml\n"
      "  repro-audit run --resume latest");
  return {verb, [options] { return run_run(*options); }};
}

}  // namespace ra
