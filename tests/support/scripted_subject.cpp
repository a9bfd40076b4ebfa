#include "tests/support/scripted_subject.h"

#include <algorithm>

namespace ra {
namespace {

// Purposes of draws, apart from the plan's.
constexpr uint64_t kToken = 1000;
constexpr uint64_t kDigest = 1001;
constexpr uint64_t kSecond = 1002;

// What is planted at a place of a trial; of a repeat also what its original has there.
int32_t planted(const std::map<Script::Place, int32_t>& map, const Trial& trial, int32_t place,
                int32_t otherwise) {
  for (int32_t id : {trial.id, trial.repeat_of}) {
    const auto found = map.find({id, place});
    if (found != map.end()) return found->second;
  }
  return otherwise;
}

}  // namespace

ScriptedSubject::ScriptedSubject(std::string name, const PlanSpec& spec, Script script, uint64_t salt)
    : name_(std::move(name)),
      vocab_(spec.vocab),
      max_rows_(spec.max_rows),
      script_(std::move(script)),
      salt_(salt) {
  if (!script_.choices) {
    script_.choices = [](int32_t) { return ChoiceSetRecord{{"lm_head", "scripted", "scripted"}}; };
  }
  for (const Trial& trial : make_plan(spec).trials) {
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      if (trial.sequences[i].kind != SequenceKind::run) continue;
      const auto parts = script_.run_token.find(trial.sequences[i].index);
      if (parts != script_.run_token.end())
        script_.token[{trial.id, static_cast<int32_t>(i)}] = parts->second;
    }
  }
}

SubjectFacts ScriptedSubject::facts() const {
  SubjectFacts facts{.device = "script", .kernel_set = name_, .sum_order_class = "script/1"};
  facts.environment["salt"] = std::to_string(salt_);
  facts.anchor_outputs["lm_head"]["scripted"] = "00";
  return facts;
}

SequenceResult ScriptedSubject::answer(const Trial& trial, int32_t place) const {
  const PlannedSequence& planned = trial.sequences[static_cast<size_t>(place)];
  const bool run = planned.kind == SequenceKind::run;
  SequenceResult result{.kind = planned.kind, .index = planned.index};
  const int32_t tokens_part = planted(script_.token, trial, place, INT32_MAX);
  const int32_t digest_parts = planted(script_.logits, trial, place, -1);
  const uint64_t stream = run ? 0 : static_cast<uint64_t>(planned.index) + 1;
  for (int32_t position = 0; position < planned.steps; ++position) {
    const bool parted = run && position >= tokens_part;
    const uint64_t world = salt_ * 4 + (parted ? 1 : 0);
    const uint64_t key = stream << 32 | static_cast<uint64_t>(position);
    StepRecord step;
    step.top[0] = static_cast<int32_t>(draw(world, kToken, key, 0, static_cast<uint64_t>(vocab_)));
    step.top[1] = static_cast<int32_t>(draw(world, kSecond, key, 0, static_cast<uint64_t>(vocab_)));
    if (parted && position == tokens_part) {  // a flip: both tops change places
      const uint64_t solo = salt_ * 4;
      step.top[1] = static_cast<int32_t>(draw(solo, kToken, key, 0, static_cast<uint64_t>(vocab_)));
      step.top[0] = (step.top[1] + 1) % vocab_;
    }
    if (step.top[1] == step.top[0]) step.top[1] = (step.top[0] + 1) % vocab_;
    for (int i = 0; i < 2; ++i) {
      step.accumulator[i] = 20.0f - static_cast<float>(i) * 0.25f;
      step.value[i] = step.accumulator[i];
    }
    step.digest = draw(world, kDigest, key, position == digest_parts ? 1 : 0, UINT64_MAX);
    result.steps.push_back(step);
    if (run) result.tokens.push_back(step.top[0]);
    if (run && position == script_.stop_at) {
      result.end = EndReason::stop;
      break;
    }
  }
  return result;
}

TrialResult ScriptedSubject::run(const Trial& trial, const std::vector<std::vector<int32_t>>&,
                                 const std::atomic<bool>& stop) {
  if (before_trial) before_trial(calls_);
  ++calls_;
  TrialResult result;
  if (stop || script_.failing_trials.contains(trial.id)) {
    result.failed = true;
    result.failure = stop ? "stopped" : "scripted failure";
    return result;
  }
  for (const ScheduledStep& step : schedule(trial, max_rows_)) {
    LaunchRecord launch;
    for (const ScheduledSlice& slice : step) {
      launch.rows += slice.rows;
      launch.logit_rows += slice.emits ? 1 : 0;
    }
    const ChoiceSetRecord choices = script_.choices(launch.rows);
    const auto known = std::find(result.choice_sets.begin(), result.choice_sets.end(), choices);
    launch.choice_set = static_cast<int32_t>(known - result.choice_sets.begin());
    if (known == result.choice_sets.end()) result.choice_sets.push_back(choices);
    result.launches.push_back(launch);
  }
  const auto wrong = script_.wrong_rows.find(trial.id);
  if (wrong != script_.wrong_rows.end()) ++result.launches.at(static_cast<size_t>(wrong->second)).rows;
  for (size_t i = 0; i < trial.sequences.size(); ++i) {
    if (trial.sequences[i].kind == SequenceKind::companion) continue;
    result.sequences.push_back(answer(trial, static_cast<int32_t>(i)));
  }
  result.seconds = script_.seconds_per_step * static_cast<double>(result.launches.size());
  return result;
}

}  // namespace ra
