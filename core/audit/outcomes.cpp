#include "core/audit/outcomes.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace ra {

std::optional<int32_t> first_difference(const Stream& a, const Stream& b) {
  const auto [in_a, in_b] = std::mismatch(a.tokens.begin(), a.tokens.end(), b.tokens.begin(), b.tokens.end());
  if (in_a == a.tokens.end() && in_b == b.tokens.end() && a.end == b.end) return std::nullopt;
  return static_cast<int32_t>(in_a - a.tokens.begin());
}

bool logits_differ(const Stream& reference, const Stream& stream) {
  const std::optional<int32_t> difference = first_difference(reference, stream);
  const size_t shared = std::min(reference.steps.size(), stream.steps.size());
  if (!difference) {
    return !std::equal(reference.steps.begin(), reference.steps.end(), stream.steps.begin(),
                       stream.steps.end(),
                       [](const StepRecord& a, const StepRecord& b) { return a.digest == b.digest; });
  }
  const auto position = static_cast<size_t>(*difference);
  if (position < shared && reference.steps[position].digest == stream.steps[position].digest) {
    throw Error(Exit::bug, "internal error: token " + std::to_string(position) + " is " +
                               std::to_string(reference.tokens[position]) + " and " +
                               std::to_string(stream.tokens[position]) +
                               " from logits of one digest; expected one token");
  }
  return true;
}

Outcomes::Outcomes(const Audit& audit) : audit_(audit) {
  const std::vector<Trial>& trials = audit.plan.trials;
  check(!trials.empty() && !trials[0].sequences.empty() && trials[0].kind == TrialKind::solo &&
            trials[0].sequences[0].kind == SequenceKind::run,
        "the prompt's solo as the plan's first trial");
  cells_.resize(audit.arms.size() * trials.size());
  probe_solos_.assign(audit.plan.probes.size(), -1);
  steps_.reserve(trials.size());
  for (const Trial& trial : trials) {
    steps_.push_back(schedule(trial, audit.plan.spec.max_rows));
    if (trial.kind != TrialKind::solo) continue;
    for (const PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind != SequenceKind::probe) continue;
      check(0 <= sequence.index && sequence.index < probes(), "a probe of the plan");
      probe_solos_[static_cast<size_t>(sequence.index)] = trial.id;
    }
  }
  add_attempts();
  add_streams();
  check_launches();
}

void Outcomes::add_attempts() {
  const auto trials = static_cast<int32_t>(audit_.plan.trials.size());
  const auto arms = static_cast<int32_t>(audit_.arms.size());
  for (const Attempt& attempt : audit_.attempts) {
    check(0 <= attempt.arm && attempt.arm < arms && 0 <= attempt.trial && attempt.trial < trials,
          "an attempt at a trial of the plan");
    Cell& at = cell(attempt.arm, attempt.trial);
    if (attempt.outcome == Outcome::failed) at.failed = &attempt;
    if (attempt.outcome == Outcome::done && !at.done) at.done = &attempt;
  }
  for (int32_t arm = 0; arm < arms; ++arm) {
    for (const Trial& trial : audit_.plan.trials) {
      cell(arm, trial.id).streams.assign(trial.sequences.size(), -1);
    }
  }
}

void Outcomes::add_streams() {
  const auto trials = static_cast<int32_t>(audit_.plan.trials.size());
  for (const SequenceFact& fact : audit_.sequences) {
    check(0 <= fact.arm && fact.arm < static_cast<int32_t>(audit_.arms.size()) && 0 <= fact.trial &&
              fact.trial < trials && 0 <= fact.stream &&
              fact.stream < static_cast<int32_t>(audit_.streams.size()),
          "a sequence's fact to name an arm, a trial and a stream of the audit");
    Cell& at = cell(fact.arm, fact.trial);
    check(0 <= fact.sequence && fact.sequence < static_cast<int32_t>(at.streams.size()),
          "a sequence of the trial");
    if (!at.done || at.done->attempt != fact.attempt) continue;
    const Stream& stream = audit_.streams[static_cast<size_t>(fact.stream)];
    const PlannedSequence& planned =
        audit_.plan.trials[static_cast<size_t>(fact.trial)].sequences[static_cast<size_t>(fact.sequence)];
    check(planned.kind != SequenceKind::run || stream.steps.size() == stream.tokens.size(),
          "one step for each token");
    at.streams[static_cast<size_t>(fact.sequence)] = fact.stream;
  }
}

void Outcomes::check_launches() const {
  for (const Cell& at : cells_) {
    if (!at.done) continue;
    const Attempt& attempt = *at.done;
    const std::vector<ScheduledStep>& planned = steps(attempt.trial);
    bool equal = attempt.launches.size() == planned.size();
    for (size_t i = 0; equal && i < planned.size(); ++i) {
      int32_t rows = 0, logit_rows = 0;
      for (const ScheduledSlice& slice : planned[i]) {
        rows += slice.rows;
        logit_rows += slice.emits ? 1 : 0;
      }
      equal = attempt.launches[i].rows == rows && attempt.launches[i].logit_rows == logit_rows;
    }
    if (!equal) {
      throw Error(Exit::bug, "internal error: trial " + std::to_string(attempt.trial) + " of arm " +
                                 audit_.arms[static_cast<size_t>(attempt.arm)].name +
                                 " ran with other rows than planned; expected the witness to equal the plan");
    }
  }
}

int32_t Outcomes::stream_index(int32_t arm, int32_t trial, int32_t sequence) const {
  const Cell& at = cell(arm, trial);
  return at.done ? at.streams[static_cast<size_t>(sequence)] : -1;
}

const Stream* Outcomes::stream(int32_t arm, int32_t trial, int32_t sequence) const {
  const int32_t index = stream_index(arm, trial, sequence);
  return index < 0 ? nullptr : &audit_.streams[static_cast<size_t>(index)];
}

const Stream* Outcomes::probe_solo(int32_t arm, int32_t probe) const {
  const int32_t trial = probe_solos_[static_cast<size_t>(probe)];
  if (trial < 0) return nullptr;
  const std::vector<PlannedSequence>& sequences = audit_.plan.trials[static_cast<size_t>(trial)].sequences;
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].kind == SequenceKind::probe && sequences[i].index == probe) {
      return stream(arm, trial, static_cast<int32_t>(i));
    }
  }
  return nullptr;
}

const Stream* Outcomes::reference(int32_t arm, const PlannedSequence& sequence) const {
  switch (sequence.kind) {
    case SequenceKind::run:
      return solo(arm);
    case SequenceKind::probe:
      return probe_solo(arm, sequence.index);
    case SequenceKind::companion:
      return nullptr;
  }
  return nullptr;
}

}  // namespace ra
