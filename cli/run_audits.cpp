#include "cli/run_audits.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/locations.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "core/audit/set_place.h"

namespace ra {
namespace {

ProgressStyle progress_style(const RunOptions& options) {
  if (options.quiet || options.no_progress) return ProgressStyle::off;
  return stderr_is_terminal() ? ProgressStyle::one_line : ProgressStyle::lines;
}

// "prompt 3/10: " before the progress of an audit of a list.
std::string progress_label(const Audit& audit) {
  const std::optional<SetPlace> place = set_place(audit.subject.settings);
  return place ? fmt::format("prompt {}/{}: ", place->place, place->count) : "";
}

}  // namespace

NamedAudits create_audits(Store& store, const NewAudits& planned, const Checkpoint& checkpoint,
                          const std::vector<Arm>& arms) {
  return {planned.set(), store.create(planned.size(), [&](size_t place) {
            Audit audit = planned.make(place);
            audit.arms = arms;
            audit.subject.model["tensors_with_nan_or_infinity"] =
                fmt::format("{}", checkpoint.non_finite_tensors().size());
            return audit;
          })};
}

AuditRuns::AuditRuns(const RunOptions& options, const Checkpoint& checkpoint, const Tokenizer* tokenizer,
                     const std::vector<Subject*>& subjects, Store& store, std::optional<EventLog>& events)
    : options_(options),
      checkpoint_(checkpoint),
      tokenizer_(tokenizer),
      subjects_(subjects),
      store_(store),
      events_(events) {}

RunEnd AuditRuns::run(const std::string& id) {
  Audit audit = store_.load(id);
  if (options_.resume) {
    check_resumable(audit, checkpoint_.sha256(hash_cache_path()), describe_arms(subjects_),
                    program_version());
    if (audit.attempts.size() < audit.plan.order.size()) {
      store_.add_segment(id, program_version());
      audit = store_.load(id);
    }
  }
  if (events_) events_->begin(audit);
  Progress progress(audit, progress_style(options_), terminal_width(), progress_label(audit));
  RunnerOptions limits{.stop_after_trial = &stop_after_trial(),
                       .stop_now = &stop_now(),
                       .on_progress =
                           [&](const ProgressEvent& event) {
                             if (events_) events_->trial(audit, event);
                             progress.acknowledge(event);
                           },
                       .piece = [&](int32_t token) { return tokenizer_ ? tokenizer_->piece(token) : ""; }};
  if (options_.max_minutes) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun_;
    // Not 0, which is no limit: where nothing is left to do, no time is needed.
    limits.max_seconds = std::max(1e-9, 60.0 * static_cast<double>(*options_.max_minutes) - spent.count());
  }
  return run_audit(audit, subjects_, store_, limits);
}

}  // namespace ra
