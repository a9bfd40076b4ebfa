#include "core/audit/audit_check.h"

#include <algorithm>
#include <tuple>

#include "core/audit/set_place.h"
#include "core/audit/store_codec.h"
#include "core/error.h"

namespace ra {
namespace {

void expect(bool holds, const std::string& found) {
  if (!holds) throw Error(Exit::bad_input, found);
}

class AuditChecker {
 public:
  explicit AuditChecker(const Audit& audit) : audit_(audit) {}

  void check_all() {
    expect(is_plain_name(audit_.id), "an id of other characters than letters, digits and -_.:+");
    expect(!audit_.segments.empty(), "no segment");
    expect(audit_.arms.size() == audit_.plan.spec.arms.size(), "other arms than the plan's");
    for (size_t arm = 0; arm < audit_.arms.size(); ++arm) {
      expect(audit_.arms[arm].id == static_cast<int32_t>(arm) &&
                 audit_.arms[arm].name == audit_.plan.spec.arms[arm] && is_plain_name(audit_.arms[arm].name),
             "an arm of another name than the plan's");
    }
    set_place(audit_.subject.settings);  // throws where a list of prompts could not be put together
    for (const Attempt& attempt : audit_.attempts) check_attempt(attempt);
    check_results();
  }

 private:
  const Trial& trial_of(int32_t trial, int32_t arm) const {
    expect(trial >= 0 && trial < static_cast<int32_t>(audit_.plan.trials.size()) && arm >= 0 &&
               arm < static_cast<int32_t>(audit_.arms.size()),
           "a trial or arm that the plan does not have");
    return audit_.plan.trials[static_cast<size_t>(trial)];
  }

  void check_attempt(const Attempt& attempt) {
    const Trial& trial = trial_of(attempt.trial, attempt.arm);
    expect(attempt.attempt >= 0 && attempt.seconds >= 0, "a negative number or time of an attempt");
    for (const LaunchRecord& launch : attempt.launches) {
      expect(launch.choice_set >= 0 && launch.choice_set < static_cast<int32_t>(audit_.choice_sets.size()),
             "a launch's kernel choices are missing");
    }
    const auto results =
        std::count_if(trial.sequences.begin(), trial.sequences.end(),
                      [](const auto& sequence) { return sequence.kind != SequenceKind::companion; });
    const bool is_new = missing_
                            .try_emplace({attempt.arm, attempt.trial, attempt.attempt},
                                         attempt.outcome == Outcome::failed ? 0 : results)
                            .second;
    expect(is_new, "one attempt twice");
  }

  void check_results() {
    std::vector<std::string> chains(audit_.arms.size(), kChainStart);
    for (const SequenceFact& fact : audit_.sequences) {
      const Trial& trial = trial_of(fact.trial, fact.arm);
      expect(fact.sequence >= 0 && fact.sequence < static_cast<int32_t>(trial.sequences.size()) &&
                 fact.stream >= 0 && fact.stream < static_cast<int32_t>(audit_.streams.size()),
             "a result of a sequence or stream that is not there");
      const PlannedSequence& planned = trial.sequences[static_cast<size_t>(fact.sequence)];
      const Stream& stream = audit_.streams[static_cast<size_t>(fact.stream)];
      std::string& chain = chains[static_cast<size_t>(fact.arm)];
      const std::string line =
          chain_line(audit_.id, audit_.arms[static_cast<size_t>(fact.arm)].name, {fact.trial, fact.arm},
                     fact.attempt, fact.sequence, planned, stream, chain);
      expect(fact.chain == hex(sha256(line)), "the chain of arm " + std::to_string(fact.arm) +
                                                  " breaks at trial " + std::to_string(fact.trial) +
                                                  ", sequence " + std::to_string(fact.sequence));
      chain = fact.chain;
      const auto attempt = missing_.find({fact.arm, fact.trial, fact.attempt});
      expect(attempt != missing_.end() && attempt->second > 0, "a result without its attempt");
      --attempt->second;
      check_stream(planned, stream);
    }
    expect(std::all_of(missing_.begin(), missing_.end(), [](const auto& left) { return left.second == 0; }),
           "a result of a finished trial is missing");
    check_order();
  }

  // A run emits a token a step until it stops; a probe has every planned step and no tokens.
  static void check_stream(const PlannedSequence& planned, const Stream& stream) {
    const auto steps = static_cast<int64_t>(stream.steps.size());
    const auto tokens = static_cast<int64_t>(stream.tokens.size());
    const bool fits =
        planned.kind == SequenceKind::run
            ? tokens == steps && steps > 0 &&
                  (steps == planned.steps || (steps < planned.steps && stream.end == EndReason::stop))
            : planned.kind == SequenceKind::probe && tokens == 0 && steps == planned.steps;
    expect(fits, "a stream of another length than its sequence was planned with");
  }

  // Results come in the order of their attempts, and in an attempt by their places.
  void check_order() const {
    size_t next = 0;
    for (const Attempt& attempt : audit_.attempts) {
      int32_t place = -1;
      while (next < audit_.sequences.size()) {
        const SequenceFact& fact = audit_.sequences[next];
        if (std::tie(fact.arm, fact.trial, fact.attempt) !=
            std::tie(attempt.arm, attempt.trial, attempt.attempt))
          break;
        expect(fact.sequence > place, "results out of order");
        place = fact.sequence;
        ++next;
      }
    }
    expect(next == audit_.sequences.size(), "results out of order");
  }

  const Audit& audit_;
  std::map<std::tuple<int32_t, int32_t, int32_t>, int64_t>
      missing_;  // (arm, trial, attempt) -> results it lacks
};

}  // namespace

void check_audit(const Audit& audit) {
  AuditChecker(audit).check_all();
}

}  // namespace ra
