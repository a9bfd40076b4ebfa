#include "core/audit/analysis.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/audit/margins.h"
#include "core/audit/operations.h"
#include "core/audit/outcomes.h"
#include "core/audit/plan_text.h"
#include "core/audit/statistics.h"
#include "core/audit/verdict.h"
#include "core/error.h"

namespace ra {
namespace {

constexpr const char* kControl = "standard";
constexpr const char* kReference = "reference";

int64_t pairs_of(int64_t n) {
  return n * (n - 1) / 2;
}

// Distinct schedules with whether one of their trials differed.
class RateCounter {
 public:
  void add(const std::string& schedule, bool differs) { differs_[schedule] |= differs; }
  TrialRate rate() const {
    TrialRate rate{.trials = static_cast<int64_t>(differs_.size())};
    for (const auto& [schedule, differs] : differs_) rate.differing += differs ? 1 : 0;
    if (rate.trials > 0) rate.upper95 = upper95(rate.differing, rate.trials);
    return rate;
  }

 private:
  std::map<std::string, bool> differs_;
};

// Finds all that one arm's facts say by themselves.
class ArmAnalysis {
 public:
  ArmAnalysis(const Audit& audit, const Outcomes& outcomes, int32_t arm, int32_t reference_arm,
              std::optional<double> epsilon)
      : audit_(audit), outcomes_(outcomes), arm_(arm), reference_arm_(reference_arm), epsilon_(epsilon) {
    finding_.arm = arm;
  }

  ArmFinding find() {
    for (const Trial& trial : audit_.plan.trials) {
      add_runs(trial);
      if (const Attempt* attempt = outcomes_.done(arm_, trial.id)) add_done(trial, *attempt);
      finding_.complete = finding_.complete && outcomes_.done(arm_, trial.id);
      if (const Attempt* failed = outcomes_.failed(arm_, trial.id)) {
        finding_.failures.push_back(static_cast<int32_t>(failed - audit_.attempts.data()));
      }
    }
    finish_groups();
    finish_rates();
    for (const Trial& trial : audit_.plan.trials) {
      if (trial.kind == TrialKind::repeat) compare_repeat(trial);
    }
    finish_solo();
    finish_speed();
    finding_.verdict = streams_differ_          ? Verdict::diverged
                       : !finding_.complete     ? Verdict::incomplete
                       : finding_.logits_differ ? Verdict::tokens_identical
                                                : Verdict::identical;
    return std::move(finding_);
  }

 private:
  struct TrialDifference {
    bool has_run = false;
    bool compared = false;  // something in it had a reference
    bool tokens = false;
    bool digests = false;
  };

  // The runs among the N: those of edges and random trials.
  static bool counts_runs(const Trial& trial) {
    return trial.kind == TrialKind::edge || trial.kind == TrialKind::random;
  }

  void add_runs(const Trial& trial) {
    if (!counts_runs(trial)) return;
    for (const PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind != SequenceKind::run) continue;
      ++finding_.planned;
      ++(outcomes_.done(arm_, trial.id)     ? finding_.done
         : outcomes_.failed(arm_, trial.id) ? finding_.failed
                                            : finding_.pending);
    }
  }

  void add_done(const Trial& trial, const Attempt& attempt) {
    int64_t emitted = 0;
    for (const LaunchRecord& launch : attempt.launches) {
      ++finding_.launches_by_rows[launch.rows];
      if (launch.logit_rows > 0) ++finding_.launches_by_logit_rows[launch.logit_rows];
      emitted += launch.logit_rows;
    }
    emitted_ += emitted;
    finding_.seconds += attempt.seconds;
    if (attempt.seconds > 0)
      speeds_[trial.batch_size].push_back(static_cast<double>(emitted) / attempt.seconds);

    TrialDifference difference;
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      const PlannedSequence& sequence = trial.sequences[i];
      if (sequence.kind == SequenceKind::companion) continue;
      const int32_t index = outcomes_.stream_index(arm_, trial.id, static_cast<int32_t>(i));
      check(index >= 0, "a stream of every run and probe of a done trial");
      add_stream(trial, sequence, index, difference);
    }
    streams_differ_ = streams_differ_ || difference.tokens;
    finding_.logits_differ = finding_.logits_differ || difference.digests;
    if (trial.kind == TrialKind::random && difference.compared) differences_.emplace_back(&trial, difference);
  }

  void add_stream(const Trial& trial, const PlannedSequence& sequence, int32_t index,
                  TrialDifference& difference) {
    const Stream& stream = audit_.streams[static_cast<size_t>(index)];
    const bool is_run = sequence.kind == SequenceKind::run;
    difference.has_run = difference.has_run || is_run;
    if (is_run && counts_runs(trial)) {
      StreamGroup& group = group_of(index);
      ++group.runs;
      ++group.runs_by_batch_size[trial.batch_size];
      ++finding_.runs_by_batch_size[trial.batch_size];
      ++runs_in_trial_[{trial.id, group.stream}];
    }
    const Stream* reference = outcomes_.reference(arm_, sequence);
    if (!reference || trial.kind == TrialKind::solo) return;
    difference.compared = true;
    const bool unlike = logits_differ(*reference, stream);
    difference.digests = difference.digests || unlike;
    if (is_run) {
      difference.tokens = difference.tokens || first_difference(*reference, stream).has_value();
    } else {
      ++finding_.probes;
      finding_.probes_unlike += unlike ? 1 : 0;
    }
  }

  // The group that this stream belongs to, new if no run before had its ids and end.
  StreamGroup& group_of(int32_t index) {
    const Stream& stream = audit_.streams[static_cast<size_t>(index)];
    return groups_.try_emplace({stream.tokens, stream.end}, StreamGroup{.stream = index}).first->second;
  }

  void finish_groups() {
    const Stream* solo = outcomes_.solo(arm_);
    for (auto& [key, group] : groups_) {
      const Stream& stream = audit_.streams[static_cast<size_t>(group.stream)];
      if (solo) {
        group.divergence = divergence(*solo, stream);
        group.is_solo = !group.divergence;
        if (group.is_solo) finding_.equal_to_solo = group.runs;
      }
      finding_.groups.push_back(group);
    }
    const auto place = [](const StreamGroup& group) {
      return group.divergence ? group.divergence->position : -1;
    };
    std::sort(finding_.groups.begin(), finding_.groups.end(),
              [&](const StreamGroup& a, const StreamGroup& b) {
                return std::tuple(-a.runs, place(a), a.stream) < std::tuple(-b.runs, place(b), b.stream);
              });
    finding_.distinct_streams = static_cast<int64_t>(finding_.groups.size());
    for (const StreamGroup& group : finding_.groups) {
      if (group.divergence &&
          (!finding_.first_divergence || group.divergence->position < finding_.first_divergence->position)) {
        finding_.first_divergence = group.divergence;
      }
    }
    if (solo) count_equal_at(static_cast<int32_t>(solo->tokens.size()));
    count_pairs();
  }

  Divergence divergence_at(const Stream& solo, const Stream& stream, int32_t position) const {
    const auto token = [position](const Stream& of) {
      return position < static_cast<int32_t>(of.tokens.size()) ? of.tokens[static_cast<size_t>(position)]
                                                               : -1;
    };
    Divergence divergence{.position = position, .solo_token = token(solo), .token = token(stream)};
    judge_margin(solo, stream, outcomes_, reference_arm_, epsilon_, divergence);
    return divergence;
  }
  std::optional<Divergence> divergence(const Stream& solo, const Stream& stream) const {
    const std::optional<int32_t> position = first_difference(solo, stream);
    if (!position) return std::nullopt;
    return divergence_at(solo, stream, *position);
  }

  void count_equal_at(int32_t length) {
    finding_.equal_at.assign(static_cast<size_t>(length), 0);
    for (const StreamGroup& group : finding_.groups) {
      const int32_t equal = group.divergence ? std::min(group.divergence->position, length) : length;
      for (int32_t i = 0; i < equal; ++i) finding_.equal_at[static_cast<size_t>(i)] += group.runs;
    }
  }

  // Of all pairs of runs, less those inside one trial: their runs share launches.
  void count_pairs() {
    std::map<int32_t, int64_t> by_trial;
    int64_t like = 0;
    for (const auto& [trial_and_group, runs] : runs_in_trial_) {
      by_trial[trial_and_group.first] += runs;
      like -= pairs_of(runs);
    }
    for (const StreamGroup& group : finding_.groups) like += pairs_of(group.runs);
    finding_.pairs = pairs_of(finding_.done);
    for (const auto& [trial, runs] : by_trial) finding_.pairs -= pairs_of(runs);
    finding_.unlike_pairs = finding_.pairs - like;
  }

  void finish_rates() {
    RateCounter digests, tokens;
    std::map<Stratum, std::pair<RateCounter, RateCounter>> strata;
    for (const auto& [trial, difference] : differences_) {
      const std::string schedule = plan_text(trial->sequences);
      auto& [stratum_digests, stratum_tokens] = strata[trial->stratum];
      digests.add(schedule, difference.digests);
      stratum_digests.add(schedule, difference.digests);
      if (!difference.has_run) continue;
      tokens.add(schedule, difference.tokens);
      stratum_tokens.add(schedule, difference.tokens);
    }
    finding_.digests = digests.rate();
    finding_.tokens = tokens.rate();
    for (const auto& [stratum, counters] : strata) {
      finding_.strata.push_back({stratum, counters.first.rate(), counters.second.rate()});
    }
  }

  bool equal_launches(const Attempt& a, const Attempt& b) const {
    return std::equal(a.launches.begin(), a.launches.end(), b.launches.begin(), b.launches.end(),
                      [this](const LaunchRecord& x, const LaunchRecord& y) {
                        return x.rows == y.rows && x.logit_rows == y.logit_rows &&
                               audit_.choice_sets[static_cast<size_t>(x.choice_set)] ==
                                   audit_.choice_sets[static_cast<size_t>(y.choice_set)];
                      });
  }

  void compare_repeat(const Trial& trial) {
    const Attempt* again = outcomes_.done(arm_, trial.id);
    const Attempt* original = outcomes_.done(arm_, trial.repeat_of);
    if (!again || !original) return;
    if (!equal_launches(*original, *again)) {
      ++finding_.repeats_not_comparable;
      return;
    }
    ++finding_.repeats;
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      if (trial.sequences[i].kind == SequenceKind::companion) continue;
      const auto sequence = static_cast<int32_t>(i);
      if (!logits_differ(*outcomes_.stream(arm_, trial.repeat_of, sequence),
                         *outcomes_.stream(arm_, trial.id, sequence))) {
        continue;
      }
      ++finding_.repeats_unlike;
      finding_.run_to_run = true;
      return;
    }
  }

  void finish_solo() {
    const Stream* solo = outcomes_.solo(arm_);
    if (!solo) return;
    finding_.solo_stream = outcomes_.stream_index(arm_, 0, 0);
    finding_.top_ties = std::count_if(solo->steps.begin(), solo->steps.end(),
                                      [](const StepRecord& step) { return step.value[0] == step.value[1]; });
    const Stream* reference =
        reference_arm_ < 0 || reference_arm_ == arm_ ? nullptr : outcomes_.solo(reference_arm_);
    if (!reference) return;
    Agreement agreement;
    const auto add = [&agreement](const Stream& a, const Stream& b, size_t end) {
      for (size_t i = 0; i < end; ++i) {
        ++agreement.positions;
        agreement.equal += a.steps[i].top[0] == b.steps[i].top[0] ? 1 : 0;
      }
    };
    const size_t shared = std::min(solo->steps.size(), reference->steps.size());
    const std::optional<int32_t> difference = first_difference(*solo, *reference);
    add(*solo, *reference, difference ? std::min(shared, static_cast<size_t>(*difference) + 1) : shared);
    for (int32_t probe = 0; probe < outcomes_.probes(); ++probe) {
      const Stream* mine = outcomes_.probe_solo(arm_, probe);
      const Stream* its = outcomes_.probe_solo(reference_arm_, probe);
      if (mine && its) add(*mine, *its, std::min(mine->steps.size(), its->steps.size()));
    }
    finding_.agreement = agreement;
  }

  void finish_speed() {
    if (finding_.seconds > 0) finding_.tokens_per_second = static_cast<double>(emitted_) / finding_.seconds;
    for (const auto& [batch_size, speeds] : speeds_) {
      finding_.speed.push_back({.batch_size = batch_size,
                                .trials = static_cast<int64_t>(speeds.size()),
                                .tokens_per_second = median(speeds),
                                .low = percentile(speeds, 0.25),
                                .high = percentile(speeds, 0.75)});
    }
  }

  const Audit& audit_;
  const Outcomes& outcomes_;
  const int32_t arm_;
  const int32_t reference_arm_;
  const std::optional<double> epsilon_;
  ArmFinding finding_;
  bool streams_differ_ = false;
  int64_t emitted_ = 0;
  std::map<std::pair<std::vector<int32_t>, EndReason>, StreamGroup> groups_;
  std::map<std::pair<int32_t, int32_t>, int64_t> runs_in_trial_;       // (trial, group's stream) -> runs
  std::vector<std::pair<const Trial*, TrialDifference>> differences_;  // random trials
  std::map<int32_t, std::vector<double>> speeds_;
};

int32_t find_arm(const Audit& audit, const std::string& kernel_set) {
  const auto at = std::find_if(audit.arms.begin(), audit.arms.end(),
                               [&](const Arm& arm) { return arm.facts.kernel_set == kernel_set; });
  return at == audit.arms.end() ? -1 : static_cast<int32_t>(at - audit.arms.begin());
}

}  // namespace

Finding analyze(const Audit& audit) {
  check(!audit.arms.empty(), "an arm in the audit");
  const Outcomes outcomes(audit);
  const Perturbation perturbation = measure_perturbation(audit, outcomes);
  Finding finding{.control = find_arm(audit, kControl),
                  .epsilon = perturbation.epsilon,
                  .epsilon_samples = perturbation.samples};
  const int32_t reference = find_arm(audit, kReference);
  for (size_t arm = 0; arm < audit.arms.size(); ++arm) {
    finding.arms.push_back(
        ArmAnalysis(audit, outcomes, static_cast<int32_t>(arm), reference, perturbation.epsilon).find());
  }
  finding.operations = find_operations(audit, outcomes, std::max(finding.control, 0), finding.control >= 0);
  conclude(audit, finding);
  return finding;
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::identical:
      return "identical";
    case Verdict::tokens_identical:
      return "tokens-identical";
    case Verdict::diverged:
      return "diverged";
    case Verdict::incomplete:
      return "incomplete";
  }
  throw Error(Exit::bug, "internal error: an unknown verdict");
}

const char* name_of(Challenge challenge) {
  switch (challenge) {
    case Challenge::none:
      return "none";
    case Challenge::logits:
      return "logits";
    case Challenge::tokens:
      return "tokens";
  }
  throw Error(Exit::bug, "internal error: an unknown challenge");
}

const char* name_of(RuleState state) {
  switch (state) {
    case RuleState::met:
      return "met";
    case RuleState::unmet:
      return "unmet";
    case RuleState::pending:
      return "pending";
  }
  throw Error(Exit::bug, "internal error: an unknown rule state");
}

const char* name_of(OperationState state) {
  switch (state) {
    case OperationState::not_exercised:
      return "not exercised";
    case OperationState::exercised:
      return "exercised";
    case OperationState::challenged:
      return "challenged";
  }
  throw Error(Exit::bug, "internal error: an unknown operation state");
}

}  // namespace ra
