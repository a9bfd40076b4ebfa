#include "core/audit/runner.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

// Batch composition is a function of the plan alone: what was launched must be what was planned (measurement.md).
void check_witness(const Trial& trial, const Plan& plan, const std::string& arm, const TrialResult& result) {
  const std::vector<ScheduledStep> steps = schedule(trial, plan.spec.max_rows);
  const std::string where = "trial " + std::to_string(trial.id) + " of arm " + arm;
  if (result.launches.size() != steps.size()) {
    throw Error(Exit::bug, where + ": " + std::to_string(result.launches.size()) + " launches; expected " +
                               std::to_string(steps.size()) + " as planned");
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    int32_t rows = 0;
    int32_t logit_rows = 0;
    for (const ScheduledSlice& slice : steps[i]) {
      rows += slice.rows;
      logit_rows += slice.emits ? 1 : 0;
    }
    if (result.launches[i].rows != rows || result.launches[i].logit_rows != logit_rows) {
      throw Error(Exit::bug, where + ", step " + std::to_string(i) + ": launched with " +
                                 std::to_string(result.launches[i].rows) + " rows and " +
                                 std::to_string(result.launches[i].logit_rows) + " of logits; expected " +
                                 std::to_string(rows) + " and " + std::to_string(logit_rows) + " as planned");
    }
  }
}

class Runner {
 public:
  Runner(const Audit& audit, const std::vector<Subject*>& subjects, Store& store,
         const RunnerOptions& options)
      : audit_(audit), subjects_(subjects), store_(store), options_(options), warm_(subjects.size(), false) {
    check(subjects.size() == audit.plan.spec.arms.size(), "a subject for every arm");
    for (const Attempt& attempt : audit.attempts) done_.insert({attempt.arm, attempt.trial});
    for (const auto& [token, bytes] : audit.pieces) known_pieces_.insert(token);
  }

  RunEnd run() {
    const Plan& plan = audit_.plan;
    int64_t turns_done = static_cast<int64_t>(done_.size());
    for (const Turn& turn : plan.order) {
      if (done_.contains({turn.arm, turn.trial})) continue;
      if (is_set(options_.stop_after_trial) || is_set(options_.stop_now)) return RunEnd::stopped;
      if (options_.max_seconds > 0 && seconds() >= options_.max_seconds) return RunEnd::out_of_time;
      const Trial& trial = plan.trials[static_cast<size_t>(turn.trial)];
      warm_up(turn.arm);
      const TrialResult result = run_trial(turn.arm, trial);
      if (result.failed && is_set(options_.stop_now)) return RunEnd::stopped;  // given up, not failed
      if (!result.failed) check_witness(trial, plan, plan.spec.arms[static_cast<size_t>(turn.arm)], result);
      const std::map<int32_t, std::string> pieces = new_pieces(result);
      store_.append(audit_.id, turn, 0, result, pieces);
      for (const auto& [token, bytes] : pieces) known_pieces_.insert(token);
      ++turns_done;
      if (options_.on_progress) options_.on_progress({turn, &trial, &result, turns_done});
    }
    return RunEnd::complete;
  }

 private:
  static bool is_set(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(); }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  TrialResult run_trial(int32_t arm, const Trial& trial) {
    static const std::atomic<bool> never{false};
    const std::atomic<bool>& stop = options_.stop_now != nullptr ? *options_.stop_now : never;
    return subjects_[static_cast<size_t>(arm)]->run(trial, audit_.plan.texts, stop);
  }

  // The first trial of a process pays for cold caches and lazy set-up; nothing of it is recorded.
  void warm_up(int32_t arm) {
    if (warm_[static_cast<size_t>(arm)]) return;
    run_trial(arm, audit_.plan.trials.front());
    warm_[static_cast<size_t>(arm)] = true;
  }

  std::map<int32_t, std::string> new_pieces(const TrialResult& result) const {
    std::map<int32_t, std::string> pieces;
    if (!options_.piece || result.failed) return pieces;
    const auto add = [&](int32_t token) {
      if (token >= 0 && !known_pieces_.contains(token) && !pieces.contains(token)) {
        pieces[token] = options_.piece(token);
      }
    };
    for (const SequenceResult& sequence : result.sequences) {
      for (int32_t token : sequence.tokens) add(token);
      for (const StepRecord& step : sequence.steps) {
        add(step.top[0]);
        add(step.top[1]);
      }
    }
    return pieces;
  }

  const Audit& audit_;
  const std::vector<Subject*>& subjects_;
  Store& store_;
  const RunnerOptions& options_;
  std::vector<bool> warm_;                      // by arm
  std::set<std::pair<int32_t, int32_t>> done_;  // (arm, trial)
  std::set<int32_t> known_pieces_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

using Words = std::map<std::string, std::string>;

Words words_of(const Arm& arm) {
  Words words = arm.facts.environment;
  words["device"] = arm.facts.device;
  words["kernel set"] = arm.facts.kernel_set;
  words["sum-order class"] = arm.facts.sum_order_class;
  for (const auto& [role, outputs] : arm.facts.anchor_outputs) {
    for (const auto& [sum_order, output] : outputs) words["certified " + role + " " + sum_order] = output;
  }
  return words;
}

// "; <what> <name> was X, is Y" for everything that is not the same.
std::string differences(const std::string& what, const Words& stored, const Words& present) {
  std::set<std::string> names;
  for (const auto& [name, value] : stored) names.insert(name);
  for (const auto& [name, value] : present) names.insert(name);
  const auto value_of = [](const Words& words, const std::string& name) {
    const auto found = words.find(name);
    return found == words.end() ? std::string("absent") : found->second;
  };
  std::string text;
  for (const std::string& name : names) {
    const std::string was = value_of(stored, name);
    const std::string is = value_of(present, name);
    if (was != is)
      text.append("; ")
          .append(what)
          .append(name)
          .append(" was ")
          .append(printable(was))
          .append(", is ")
          .append(printable(is));
  }
  return text;
}

}  // namespace

RunEnd run_audit(const Audit& audit, const std::vector<Subject*>& subjects, Store& store,
                 const RunnerOptions& options) {
  return Runner(audit, subjects, store, options).run();
}

void check_resumable(const Audit& stored, const std::string& model_sha256, const std::vector<Arm>& arms,
                     const std::string& tool) {
  const auto identity = [](const std::string& version, const std::string& model, size_t count) {
    return Words{{"tool", version}, {"model's SHA-256", model}, {"number of arms", std::to_string(count)}};
  };
  std::string found = differences("", identity(stored.tool, stored.subject.model_sha256, stored.arms.size()),
                                  identity(tool, model_sha256, arms.size()));
  for (size_t i = 0; i < std::min(stored.arms.size(), arms.size()); ++i) {
    found +=
        differences("arm ", {{std::to_string(i), stored.arms[i].name}}, {{std::to_string(i), arms[i].name}});
    found += differences("arm " + stored.arms[i].name + "'s ", words_of(stored.arms[i]), words_of(arms[i]));
  }
  if (found.empty()) return;
  throw Error(Exit::not_comparable, "audit " + stored.id + ": cannot be resumed here" + found +
                                        "; expected the same as when it was begun");
}

}  // namespace ra
