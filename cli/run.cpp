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
#include "cli/output_file.h"
#include "cli/plan_preview.h"
#include "cli/progress.h"
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
#include "reports/comparison_report.h"
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

ProgressStyle progress_style(const RunOptions& options) {
  if (options.quiet || options.no_progress) return ProgressStyle::off;
  return stderr_is_terminal() ? ProgressStyle::one_line : ProgressStyle::lines;
}

// Stopped or out of time: the exit status, after it was told how to go on.
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

int run_run(const RunOptions& options) {
  const Config config = read_config(config_path());
  const std::string database = database_path(options.database, config);
  std::optional<Audit> earlier;
  if (options.resume) {
    const Store store = Store::open_reader(database);
    earlier = store.load(store.resolve(*options.resume));
  }
  const RunSettings settings = earlier ? resolve_resumed(options, *earlier) : resolve(options, config);
  const std::vector<std::string> inputs = {settings.model, settings.prompt_file, settings.companions_file,
                                           database};
  check_report_files(options.reports, options.force, inputs);
  check_events(options, inputs);
  std::optional<BaselineAudit> baseline;
  if (options.baseline) baseline = load_baseline(database, *options.baseline, options.database.value_or(""));

  const Checkpoint checkpoint = open_checkpoint(settings.model, settings.dummy_weights);
  if (!is_gpu(settings.device)) require_right_blas(checkpoint.shape(), settings.threads);
  std::optional<Tokenizer> tokenizer;
  if (checkpoint.tokenizer().present()) tokenizer = Tokenizer::open(checkpoint.tokenizer());
  Audit audit =
      earlier ? std::move(*earlier) : new_audit(settings, checkpoint, tokenizer ? &*tokenizer : nullptr);
  if (baseline) require_comparable(*baseline, audit);
  const ArmsSpec spec = arms_spec(settings, checkpoint, audit.plan);
  if (options.dry_run) {
    print(plan_preview(audit.plan, checkpoint.shape(), spec));
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
  if (options.resume) {
    check_resumable(audit, checkpoint.sha256(hash_cache_path()), describe_arms(arms.subjects()),
                    program_version());
    store.add_segment(audit.id, program_version());
    audit = store.load(audit.id);
  } else {
    audit.arms = describe_arms(arms.subjects());
    audit.subject.model["tensors_with_nan_or_infinity"] =
        fmt::format("{}", checkpoint.non_finite_tensors().size());
    store.create(audit);
  }

  if (events) events->begin(audit);
  std::optional<Progress> progress(std::in_place, audit, progress_style(options), terminal_width());
  watch_stop_signals();
  const RunEnd end = run_audit(audit, arms.subjects(), store,
                               {.max_seconds = 60.0 * static_cast<double>(options.max_minutes.value_or(0)),
                                .stop_after_trial = &stop_after_trial(),
                                .stop_now = &stop_now(),
                                .on_progress =
                                    [&](const ProgressEvent& event) {
                                      if (events) events->trial(audit, event);
                                      progress->acknowledge(event);
                                    },
                                .piece = [&](int32_t id) { return tokenizer ? tokenizer->piece(id) : ""; }});
  progress.reset();
  if (end != RunEnd::complete) {
    const int status = tell_stopped(options, audit.id, end);
    if (events) events->end(end == RunEnd::out_of_time ? "out of time" : "stopped", status, "");
    return status;
  }

  audit = store.load(audit.id);
  const Finding finding = analyze(audit);
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
      "  repro-audit run --resume latest");
  return {verb, [options] { return run_run(*options); }};
}

}  // namespace ra
