// The machine's report of a list of prompts: reports/prompts.schema.json.
#include <cmath>
#include <nlohmann/json.hpp>

#include "reports/escape.h"
#include "reports/prompts_report.h"

namespace ra {
namespace {

using Object = nlohmann::ordered_json;

constexpr int kVersion = 1;

Object or_null(const std::string& text) {
  return text.empty() ? Object(nullptr) : Object(repair_utf8(text));
}

double rounded(double value, double unit) {
  return std::round(value * unit) / unit;
}

Object trial_rate(const TrialRate& rate) {
  return {{"differing", rate.differing}, {"trials", rate.trials}, {"upper95", rounded(rate.upper95, 1e6)}};
}

Object prompt_rate(const PromptRate& rate) {
  return {{"differing", rate.differing}, {"prompts", rate.prompts}, {"upper95", rounded(rate.upper95, 1e6)}};
}

Object arm_json(const ArmSummary& arm) {
  Object first = nullptr;
  if (arm.first_divergence) first = *arm.first_divergence;
  return {{"name", arm.name},
          {"verdict", name_of(arm.verdict)},
          {"complete", arm.complete},
          {"logits_differ", arm.logits_differ},
          {"runs", {{"planned", arm.planned}, {"done", arm.done}, {"equal_to_solo", arm.equal_to_solo}}},
          {"distinct_streams", arm.distinct_streams},
          {"random_trials", {{"digests", trial_rate(arm.digests)}, {"tokens", trial_rate(arm.tokens)}}},
          {"first_divergence", std::move(first)}};
}

Object prompt_json(const PromptOutcome& prompt) {
  Object arms = Object::array(), rules = Object::array();
  for (const ArmSummary& arm : prompt.arms) arms.push_back(arm_json(arm));
  for (const RuleOutcome& rule : prompt.rules) {
    Object arm = nullptr;
    if (rule.arm >= 0) arm = prompt.arms[static_cast<size_t>(rule.arm)].name;
    rules.push_back({{"arm", std::move(arm)},
                     {"rule", rule.rule},
                     {"expected", rule.expected},
                     {"found", rule.found},
                     {"state", name_of(rule.state)}});
  }
  return {{"id", repair_utf8(prompt.name)},    {"text", repair_utf8(prompt.prompt_text)},
          {"sha256", prompt.prompt_sha256},    {"plan_sha256", prompt.plan_sha256},
          {"exit_status", prompt.exit_status}, {"reason", or_null(prompt.reason)},
          {"incomplete", prompt.incomplete},   {"challenge", name_of(prompt.challenge)},
          {"rules", std::move(rules)},         {"arms", std::move(arms)}};
}

Object over_all(const PromptSet& set, size_t place) {
  const SetArm& arm = set.arms[place];
  Object worst = nullptr;
  if (arm.worst) worst = repair_utf8(set.prompts[*arm.worst].name);
  return {{"name", arm.name},
          {"control", static_cast<int32_t>(place) == set.control},
          {"verdict", name_of(arm.verdict)},
          {"complete", arm.complete},
          {"digests", prompt_rate(arm.digests)},
          {"tokens", prompt_rate(arm.tokens)},
          {"worst", std::move(worst)}};
}

// All that may differ between a set that ran through and one of the same list that was interrupted and resumed.
Object volatile_members(const PromptSet& set) {
  Object prompts = Object::array();
  for (const PromptOutcome& prompt : set.prompts) {
    Object arms = Object::array();
    for (const ArmSummary& arm : prompt.arms) {
      arms.push_back({{"name", arm.name},
                      {"seconds", rounded(arm.seconds, 1e3)},
                      {"tokens_per_second", rounded(arm.tokens_per_second, 1e3)}});
    }
    prompts.push_back({{"id", repair_utf8(prompt.name)},
                       {"audit", prompt.audit},
                       {"created", prompt.created},
                       {"segments", prompt.segments},
                       {"arms", std::move(arms)}});
  }
  return {{"set", set.list.set}, {"prompts", std::move(prompts)}};
}

}  // namespace

std::string prompts_json(const PromptSet& set) {
  Object report = {{"format", "repro-audit-prompts"}, {"version", kVersion}, {"tool", set.tool}};
  report["scope"] = set.scope;
  Object verdict = Object::array();
  for (const std::string& sentence : set.verdict) verdict.push_back(repair_utf8(sentence));
  report["verdict"] = std::move(verdict);
  report["exit_status"] = set.exit_status;
  report["reason"] = or_null(set.reason);
  report["policy"] = repair_utf8(set.policy);
  report["incomplete"] = set.incomplete;
  report["model"] = {{"name", repair_utf8(set.model_name)}, {"sha256", set.model_sha256}};
  report["list"] = {
      {"sha256", set.list.sha256}, {"prompts", set.list.count}, {"seed", std::to_string(set.list.seed)}};
  report["challenge"] = Object::object();
  for (const Challenge challenge : {Challenge::tokens, Challenge::logits, Challenge::none})
    report["challenge"][name_of(challenge)] = set.prompts_by_challenge.at(static_cast<size_t>(challenge));
  report["arms"] = Object::array();
  for (size_t place = 0; place < set.arms.size(); ++place) report["arms"].push_back(over_all(set, place));
  report["prompts"] = Object::array();
  for (const PromptOutcome& prompt : set.prompts) report["prompts"].push_back(prompt_json(prompt));
  report["volatile"] = volatile_members(set);
  return report.dump(2, ' ', true) + "\n";
}

}  // namespace ra
