#include <algorithm>
#include <set>

#include "core/audit/plan_text.h"
#include "core/error.h"

namespace ra {
namespace {

[[noreturn]] void usage(const std::string& message) {
  throw Error(Exit::usage, message);
}

void check_ids(const std::vector<int32_t>& ids, int32_t vocab, const std::string& what) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab) {
      throw Error(Exit::bad_input, what + ": token id " + std::to_string(ids[i]) + " at place " +
                                       std::to_string(i) + "; expected ids from 0 to " +
                                       std::to_string(vocab - 1));
    }
  }
}

}  // namespace

void check_spec(const PlanSpec& spec) {
  check(spec.vocab > 0 && spec.max_positions > 0 && spec.max_rows > 0, "a plan's model to have sizes");
  check(spec.probe_steps > 0, "probes to have steps");
  if (spec.runs < 1 || spec.runs > 1'000'000) {
    usage("--runs: " + std::to_string(spec.runs) + "; expected 1 to 1000000");
  }
  if (spec.max_tokens < 1)
    usage("--max-tokens: " + std::to_string(spec.max_tokens) + "; expected at least 1");
  if (spec.prompt.empty()) throw Error(Exit::bad_input, "prompt: no tokens; expected at least one");
  check_ids(spec.prompt, spec.vocab, "prompt");
  check_ids(spec.companion_text, spec.vocab, "--companions");
  const int64_t prompt = static_cast<int64_t>(spec.prompt.size());
  if (prompt >= spec.max_positions) {
    throw Error(Exit::bad_input, "prompt: " + std::to_string(prompt) +
                                     " tokens; expected fewer than the model's " +
                                     std::to_string(spec.max_positions) + " positions");
  }
  if (prompt + spec.max_tokens > spec.max_positions) {
    usage("--max-tokens: " + std::to_string(spec.max_tokens) + " after a prompt of " +
          std::to_string(prompt) + " tokens; expected at most " +
          std::to_string(spec.max_positions - prompt) + " (the model has " +
          std::to_string(spec.max_positions) + " positions)");
  }
  if (spec.batch_sizes.empty()) usage("--batch-sizes: none; expected at least one");
  for (size_t i = 0; i < spec.batch_sizes.size(); ++i) {
    const int32_t size = spec.batch_sizes[i];
    if (size < 1 || size > 1024) usage("--batch-sizes: " + std::to_string(size) + "; expected 1 to 1024");
    if (i > 0 && size <= spec.batch_sizes[i - 1]) usage("--batch-sizes: expected ascending, distinct sizes");
  }
  if (spec.strata.empty()) usage("--strata: none; expected rows, chunk, preempt or all");
  if (std::set(spec.strata.begin(), spec.strata.end()).size() != spec.strata.size()) {
    usage("--strata: one is named twice; expected each at most once");
  }
  if (spec.arms.empty()) usage("--kernels: none; expected at least one kernel set");
  if (std::set(spec.arms.begin(), spec.arms.end()).size() != spec.arms.size()) {
    usage("--kernels: one is named twice; expected each at most once");
  }
  if (spec.min_random_trials < 0 || spec.min_random_trials > spec.runs) {
    usage("--runs: " + std::to_string(spec.runs) + "; expected at least " +
          std::to_string(spec.min_random_trials) + ", one for each random trial that was asked for");
  }
}

namespace {

// A plan's sequences are laid out step by step, in memory and time that its file does not show: so many steps of
// sequences, and of those times the batch size.
constexpr int64_t kMostSteps = int64_t{1} << 25, kMostStepsTimesBatch = int64_t{1} << 31;
constexpr int64_t kStepsOfPreemption = 66;  // the longest pause, and the recomputation
constexpr int32_t kMostSequences = 1024;    // of a trial; --batch-sizes goes so far
constexpr int32_t kLongestPause = 64;       // steps

// Names what of the plan is wrong.
class PlanChecker {
 public:
  explicit PlanChecker(const Plan& plan)
      : plan_(plan), planned_(static_cast<size_t>(plan.spec.runs), false) {}

  void check_all() {
    expect(plan_.texts.size() == 2 && plan_.texts[0] == plan_.spec.prompt, "its texts");
    check_ids(plan_.texts[1], plan_.spec.vocab, "text of probes and companions");
    for (const Probe& probe : plan_.probes) {
      expect(probe.context > 0 && probe.steps > 0, "a probe without positions");
      expect(
          int64_t{probe.context} + probe.steps <= std::min<int64_t>(text_size(1), plan_.spec.max_positions),
          "a probe beyond its text or the model's positions");
    }
    expect(!plan_.trials.empty() && plan_.trials[0].kind == TrialKind::solo &&
               plan_.trials[0].sequences.size() == 1 &&
               plan_.trials[0].sequences[0].kind == SequenceKind::run,
           "trial 0; expected the prompt's solo");
    for (size_t id = 0; id < plan_.trials.size(); ++id) check_trial(static_cast<int32_t>(id));
    expect(std::find(planned_.begin(), planned_.end(), false) == planned_.end(),
           "a run without a place; expected each of the N once");
    check_order();
  }

 private:
  void expect(bool holds, const std::string& what) const {
    if (!holds) throw Error(Exit::bad_input, where_ + what);
  }
  int64_t text_size(int32_t text) const {
    return static_cast<int64_t>(plan_.texts[static_cast<size_t>(text)].size());
  }

  void check_trial(int32_t id) {
    const Trial& trial = plan_.trials[static_cast<size_t>(id)];
    where_ = "trial " + std::to_string(id) + ": ";
    expect(trial.id == id, "another number");
    expect(!trial.sequences.empty() && trial.sequences.size() <= kMostSequences &&
               trial.batch_size == static_cast<int32_t>(trial.sequences.size()),
           "a batch size that is not the number of its sequences");
    const bool repeats = trial.kind == TrialKind::repeat;
    expect(repeats ? trial.repeat_of >= 0 && trial.repeat_of < id &&
                         plan_.trials[static_cast<size_t>(trial.repeat_of)].kind == TrialKind::random
                   : trial.repeat_of == -1,
           "a repeat of no random trial before it");
    const bool counted = trial.kind == TrialKind::edge || trial.kind == TrialKind::random;
    for (size_t place = 0; place < trial.sequences.size(); ++place) {
      where_ = "trial " + std::to_string(id) + ", sequence " + std::to_string(place) + ": ";
      check_sequence(trial.sequences[place], counted);
    }
    where_.clear();
  }

  void check_sequence(const PlannedSequence& sequence, bool counted) {
    const PlanSpec& spec = plan_.spec;
    const bool is_run = sequence.kind == SequenceKind::run;
    expect(sequence.text == (is_run ? 0 : 1), "another text");
    expect(sequence.prompt_length > 0 && sequence.steps > 0 && sequence.offset >= 0 &&
               int64_t{sequence.prompt_length} + sequence.steps <= spec.max_positions,
           "positions that the model does not have");
    expect(int64_t{sequence.offset} + sequence.prompt_length + (is_run ? 0 : sequence.steps) <=
               text_size(sequence.text),
           "tokens beyond the end of its text");
    expect(sequence.arrival >= 0 && sequence.arrival <= spec.max_tokens, "an arrival after the last token");
    if (is_run) {
      expect(sequence.prompt_length == text_size(0) && sequence.steps == spec.max_tokens,
             "another length; expected the whole prompt and every token");
      if (counted) {
        expect(sequence.index >= 0 && sequence.index < spec.runs &&
                   !planned_[static_cast<size_t>(sequence.index)],
               "a run that is planned twice or not of the N");
        planned_[static_cast<size_t>(sequence.index)] = true;
      } else {
        expect(sequence.index == -1, "a run among the N in a solo or repeat");
      }
    } else if (sequence.kind == SequenceKind::probe) {
      expect(sequence.index >= 0 && sequence.index < static_cast<int32_t>(plan_.probes.size()),
             "a probe that the plan does not have");
      const Probe& probe = plan_.probes[static_cast<size_t>(sequence.index)];
      expect(sequence.offset == 0 && sequence.prompt_length == probe.context && sequence.steps == probe.steps,
             "another length than its probe's");
    }
    check_pieces(sequence);
  }

  void check_pieces(const PlannedSequence& sequence) const {
    int64_t rows = 0;
    for (int32_t chunk : sequence.chunks) {
      expect(chunk > 0, "an empty chunk");
      rows += chunk;
    }
    expect(sequence.chunks.empty() || rows == sequence.prompt_length, "chunks that are not its prompt");
    int32_t last = 0;
    for (const Preemption& preemption : sequence.preemptions) {
      expect(preemption.after > last && preemption.after < sequence.steps && preemption.pause >= 0 &&
                 preemption.pause <= kLongestPause,
             "a preemption out of order or out of range");
      last = preemption.after;
    }
  }

  void check_order() const {
    std::set<std::pair<int32_t, int32_t>> turns;
    for (const Turn& turn : plan_.order) {
      expect(turn.trial >= 0 && turn.trial < static_cast<int32_t>(plan_.trials.size()), "a turn of no trial");
      expect(turn.arm >= 0 && turn.arm < static_cast<int32_t>(plan_.spec.arms.size()), "a turn of no arm");
      turns.insert({turn.trial, turn.arm});
    }
    expect(turns.size() == plan_.order.size() && turns.size() == plan_.trials.size() * plan_.spec.arms.size(),
           "its turns; expected every trial in every arm once");
  }

  const Plan& plan_;
  std::vector<bool> planned_;  // of the N
  std::string where_;
};

}  // namespace

void check_plan(const Plan& plan) {
  check_spec(plan.spec);
  PlanChecker(plan).check_all();
}

void check_plan_size(const Plan& plan) {
  int64_t steps = 0, steps_times_batch = 0;
  for (const Trial& trial : plan.trials) {
    int64_t of_trial = 0;
    for (const PlannedSequence& sequence : trial.sequences) {
      of_trial += int64_t{sequence.arrival} + sequence.steps + static_cast<int64_t>(sequence.chunks.size()) +
                  kStepsOfPreemption * static_cast<int64_t>(sequence.preemptions.size());
    }
    steps += of_trial;
    steps_times_batch += of_trial * trial.batch_size;
  }
  if (steps > kMostSteps || steps_times_batch > kMostStepsTimesBatch) {
    throw Error(Exit::bad_input, "a plan of " + std::to_string(steps) +
                                     " steps of sequences; expected at most " + std::to_string(kMostSteps) +
                                     ", and not many in large batches");
  }
}

}  // namespace ra
