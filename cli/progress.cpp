#include "cli/progress.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/terminal.h"

namespace ra {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLineInterval = std::chrono::milliseconds(100);
constexpr auto kPlainInterval = std::chrono::seconds(5);
// Reading the weights costs a step about as much as computing five rows (measured: 10 ms at 1 row, 58 ms at 32).
constexpr double kRowsPerStep = 5;

double cost_of(const Trial& trial, int32_t max_rows) {
  double cost = 0;
  for (const ScheduledStep& step : schedule(trial, max_rows)) {
    cost += kRowsPerStep;
    for (const ScheduledSlice& slice : step) cost += slice.rows;
  }
  return cost;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

Progress::Progress(const Audit& audit, ProgressStyle style, int width, std::string label)
    : plan_(audit.plan),
      style_(style),
      width_(static_cast<size_t>(width)),
      label_(std::move(label)),
      begun_(Clock::now()) {
  for (const Arm& arm : audit.arms) arms_.push_back({.name = arm.name});
  for (const Trial& trial : plan_.trials) trial_cost_.push_back(cost_of(trial, plan_.spec.max_rows));
  for (const Turn& turn : plan_.order) cost_total_ += trial_cost_.at(static_cast<size_t>(turn.trial));
  for (const Attempt& attempt : audit.attempts) {
    if (attempt.outcome == Outcome::done) cost_done_ += trial_cost_.at(static_cast<size_t>(attempt.trial));
  }
  for (const SequenceFact& fact : audit.sequences) {
    const Trial& trial = plan_.trials.at(static_cast<size_t>(fact.trial));
    const PlannedSequence& sequence = trial.sequences.at(static_cast<size_t>(fact.sequence));
    if (sequence.kind != SequenceKind::run || sequence.index < 0) continue;
    ArmProgress& arm = arms_.at(static_cast<size_t>(fact.arm));
    const Stream& stream = audit.streams.at(static_cast<size_t>(fact.stream));
    ++arm.runs_done;
    arm.streams.insert({stream.token_hash, stream.end});
  }
}

Progress::~Progress() {
  if (line_open_) print_error("\n");
}

void Progress::acknowledge(const ProgressEvent& event) {
  const double cost = trial_cost_.at(static_cast<size_t>(event.turn.trial));
  cost_done_ += cost;
  cost_now_ += cost;
  busy_seconds_ += event.result->seconds;
  rows_ = event.trial->batch_size;
  ArmProgress& arm = arms_.at(static_cast<size_t>(event.turn.arm));
  for (const SequenceResult& sequence : event.result->sequences) {
    if (sequence.kind != SequenceKind::run) continue;
    tokens_ += static_cast<int64_t>(sequence.tokens.size());
    if (sequence.index < 0) continue;
    ++arm.runs_done;
    arm.streams.insert({token_hash(sequence.tokens), sequence.end});
  }
  if (style_ == ProgressStyle::off) return;
  const Clock::time_point now = Clock::now();
  const bool last = event.turns_done == static_cast<int64_t>(plan_.order.size());
  const auto interval = style_ == ProgressStyle::lines ? Clock::duration(kPlainInterval) : kLineInterval;
  if (!last && now - shown_ < interval) return;
  shown_ = now;
  show(line(std::chrono::duration<double>(now - begun_).count()));
}

std::string Progress::line(double seconds) const {
  std::string runs, streams;
  for (const ArmProgress& arm : arms_) {
    runs += fmt::format("{}{} {}/{}", runs.empty() ? "" : ", ", arm.name, arm.runs_done, plan_.spec.runs);
    streams += fmt::format("{}{}", streams.empty() ? "" : "/", arm.streams.size());
  }
  const double speed = busy_seconds_ > 0 ? static_cast<double>(tokens_) / busy_seconds_ : 0;
  std::string text = fmt::format("{}runs: {} | batch {} | {:.0f} tokens/s | distinct streams {}", label_,
                                 runs, rows_, speed, streams);
  if (cost_now_ > 0)
    text += fmt::format(" | {} left", duration(seconds * (cost_total_ - cost_done_) / cost_now_));
  return text;
}

void Progress::show(const std::string& line) {
  if (style_ == ProgressStyle::lines) {
    print_error("repro-audit: " + line + "\n");
    return;
  }
  rewrite_line(line, width_);
  line_open_ = true;
}

}  // namespace ra
