#include "core/audit/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/audit/statistics.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

using Settings = std::map<std::string, std::string>;

constexpr const char* kPrefix = "policy";
constexpr int64_t kMostCount = 1'000'000'000;

const char* name_of(VerdictRule rule) {
  switch (rule) {
    case VerdictRule::promised:
      return "promised";
    case VerdictRule::identical:
      return "identical";
    case VerdictRule::tokens_identical:
      return "tokens-identical";
    case VerdictRule::any:
      return "any";
  }
  throw Error(Exit::bug, "internal error: an unknown verdict rule");
}

[[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& expected) {
  throw Error(Exit::usage, key + ": \"" + printable(value) + "\"; expected " + expected);
}

template <class Kind>
Kind parse_kind(const std::string& key, const std::string& value, std::initializer_list<Kind> kinds) {
  std::string names;
  for (const Kind kind : kinds) {
    if (value == name_of(kind)) return kind;
    names.append(names.empty() ? "" : ", ").append(name_of(kind));
  }
  refuse(key, value, "one of " + names);
}

int64_t parse_count(const std::string& key, const std::string& value, int64_t least) {
  int64_t count = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), count);
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || count < least ||
      count > kMostCount) {
    refuse(key, value, "a whole number from " + std::to_string(least) + " to " + std::to_string(kMostCount));
  }
  return count;
}

double parse_share(const std::string& key, const std::string& value, double most,
                   const std::string& expected) {
  double share = 0;
  const auto parsed =
      std::from_chars(value.data(), value.data() + value.size(), share, std::chars_format::fixed);
  // Negated, so that a NaN is refused.
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || !(share > 0 && share <= most))
    refuse(key, value, expected);
  return share;
}

// The shortest text that parses to the same number, whatever the locale.
std::string text_of(double value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
  return {text.data(), end};
}

void set_arm_rule(ArmRules& rules, const std::string& key, const std::string& rule,
                  const std::string& value) {
  if (rule == "verdict") {
    rules.verdict = parse_kind(
        key, value,
        {VerdictRule::promised, VerdictRule::identical, VerdictRule::tokens_identical, VerdictRule::any});
  } else if (rule == "max_distinct") {
    rules.max_distinct = parse_count(key, value, 1);
  } else if (rule == "max_differing") {
    rules.max_differing = parse_count(key, value, 0);
  } else if (rule == "max_rate") {
    rules.max_rate = parse_share(key, value, 1, "a share above 0 and up to 1, such as 0.05");
  } else if (rule == "max_slowdown") {
    rules.max_slowdown = parse_share(key, value, 1000, "a ratio above 0 and up to 1000, such as 1.1");
  } else {
    throw Error(Exit::usage, printable(key) +
                                 ": unknown rule; expected verdict, max_distinct, max_differing, "
                                 "max_rate or max_slowdown");
  }
}

void add_arm_rules(Settings& settings, const std::string& prefix, const ArmRules& rules) {
  if (rules.verdict) settings[prefix + "verdict"] = name_of(*rules.verdict);
  if (rules.max_distinct) settings[prefix + "max_distinct"] = std::to_string(*rules.max_distinct);
  if (rules.max_differing) settings[prefix + "max_differing"] = std::to_string(*rules.max_differing);
  if (rules.max_rate) settings[prefix + "max_rate"] = text_of(*rules.max_rate);
  if (rules.max_slowdown) settings[prefix + "max_slowdown"] = text_of(*rules.max_slowdown);
}

// Appends outcomes while it goes through the rules.
class Judge {
 public:
  Judge(const Audit& audit, const Finding& finding) : audit_(audit), finding_(finding) {}

  std::vector<RuleOutcome> all(const Policy& policy) {
    if (policy.require_challenge) {
      at_least(-1, "require_challenge", finding_.challenge >= *policy.require_challenge,
               name_of(*policy.require_challenge), name_of(finding_.challenge));
    }
    for (const ArmFinding& arm : finding_.arms) {
      const auto count = [&](const char* rule, const std::optional<int64_t>& least, int64_t found) {
        if (least)
          at_least(arm.arm, rule, found >= *least, "at least " + std::to_string(*least),
                   std::to_string(found));
      };
      count("min_runs", policy.min_runs, arm.done);
      count("min_trials", policy.min_trials, arm.digests.trials);
      count("min_batch_sizes", policy.min_batch_sizes,
            static_cast<int64_t>(arm.launches_by_logit_rows.size()));
      const auto own = policy.arms.find(audit_.arms[static_cast<size_t>(arm.arm)].name);
      if (own != policy.arms.end()) {
        judge_arm(arm, own->second);
      } else if (arm.arm != finding_.control) {
        judge_arm(arm, policy.treatments);
      }
    }
    for (const auto& [name, rules] : policy.arms) {
      const bool known = std::any_of(audit_.arms.begin(), audit_.arms.end(),
                                     [&wanted = name](const Arm& arm) { return arm.name == wanted; });
      if (!known) add(-1, "arms." + name, RuleState::unmet, "an arm of this name", "none");
    }
    return std::move(outcomes_);
  }

 private:
  void add(int32_t arm, const std::string& rule, RuleState state, std::string expected, std::string found) {
    outcomes_.push_back({arm, rule, std::move(expected), std::move(found), state});
  }
  // More trials can only help.
  void at_least(int32_t arm, const std::string& rule, bool holds, std::string expected, std::string found) {
    const RuleState otherwise = complete(arm) ? RuleState::unmet : RuleState::pending;
    add(arm, rule, holds ? RuleState::met : otherwise, std::move(expected), std::move(found));
  }
  // More trials can only hurt.
  void at_most(int32_t arm, const std::string& rule, bool holds, std::string expected, std::string found) {
    const RuleState so_far = complete(arm) ? RuleState::met : RuleState::pending;
    add(arm, rule, holds ? so_far : RuleState::unmet, std::move(expected), std::move(found));
  }
  bool complete(int32_t arm) const {
    return arm < 0 ? !finding_.incomplete : finding_.arms[static_cast<size_t>(arm)].complete;
  }

  void judge_arm(const ArmFinding& arm, const ArmRules& rules) {
    if (rules.verdict && *rules.verdict != VerdictRule::any) judge_verdict(arm, *rules.verdict);
    if (rules.max_distinct) {
      at_most(arm.arm, "max_distinct", arm.distinct_streams <= *rules.max_distinct,
              "at most " + std::to_string(*rules.max_distinct), std::to_string(arm.distinct_streams));
    }
    if (rules.max_differing) {
      at_most(arm.arm, "max_differing", arm.digests.differing <= *rules.max_differing,
              "at most " + std::to_string(*rules.max_differing),
              std::to_string(arm.digests.differing) + " of " + std::to_string(arm.digests.trials));
    }
    if (rules.max_rate) {
      at_least(arm.arm, "max_rate", arm.digests.trials > 0 && arm.digests.upper95 <= *rules.max_rate,
               "at most " + text_of(*rules.max_rate),
               text_of(std::round(arm.digests.upper95 * 1e6) / 1e6) + " by " +
                   std::to_string(arm.digests.trials) + " random trials");
    }
    if (rules.max_slowdown) {
      const std::optional<double> found = slowdown(finding_, arm);
      at_least(arm.arm, "max_slowdown", found && *found <= *rules.max_slowdown,
               "at most " + text_of(*rules.max_slowdown),
               found ? text_of(std::round(*found * 1e3) / 1e3) : "no control to compare with");
    }
  }

  void judge_verdict(const ArmFinding& arm, VerdictRule rule) {
    if (rule == VerdictRule::promised) {
      const bool promises = audit_.arms[static_cast<size_t>(arm.arm)].facts.sum_order_class != kOpaqueClass;
      rule = promises ? VerdictRule::identical : VerdictRule::tokens_identical;
    }
    const bool tokens_differ = arm.verdict == Verdict::diverged || arm.run_to_run;
    const bool holds = !tokens_differ && (rule == VerdictRule::tokens_identical || !arm.logits_differ);
    std::string found = arm.run_to_run ? "varies from run to run" : ra::name_of(arm.verdict);
    if (arm.verdict == Verdict::incomplete && arm.logits_differ) found = "incomplete, its logits differ";
    at_most(arm.arm, "verdict", holds, name_of(rule), std::move(found));
  }

  const Audit& audit_;
  const Finding& finding_;
  std::vector<RuleOutcome> outcomes_;
};

}  // namespace

const std::vector<std::string>& built_in_policies() {
  static const std::vector<std::string> names = {"default", "nightly", "evidence"};
  return names;
}

std::optional<Policy> built_in_policy(const std::string& name) {
  Policy policy;
  policy.name = name;
  policy.treatments.verdict = VerdictRule::promised;
  if (name == "default") return policy;
  policy.require_challenge = Challenge::logits;
  policy.min_batch_sizes = 2;
  if (name == "nightly") return policy;
  policy.min_trials = 300;  // measurement.md: of 300 without a difference the bound is 1.0%
  policy.treatments.max_rate = 0.01;
  if (name == "evidence") return policy;
  return std::nullopt;
}

void set_rule(Policy& policy, const std::string& key, const std::string& value) {
  if (key == "require_challenge") {
    policy.require_challenge =
        parse_kind(key, value, {Challenge::none, Challenge::logits, Challenge::tokens});
  } else if (key == "min_runs") {
    policy.min_runs = parse_count(key, value, 1);
  } else if (key == "min_trials") {
    policy.min_trials = parse_count(key, value, 1);
  } else if (key == "min_batch_sizes") {
    policy.min_batch_sizes = parse_count(key, value, 1);
  } else if (key.starts_with("treatments.")) {
    set_arm_rule(policy.treatments, key, key.substr(key.find('.') + 1), value);
  } else if (key.starts_with("arms.") && key.rfind('.') > 5) {
    const size_t end = key.rfind('.');
    set_arm_rule(policy.arms[key.substr(5, end - 5)], key, key.substr(end + 1), value);
  } else {
    throw Error(Exit::usage, printable(key) +
                                 ": unknown; expected require_challenge, min_runs, min_trials, "
                                 "min_batch_sizes, treatments.RULE or arms.NAME.RULE");
  }
}

Settings policy_settings(const Policy& policy) {
  const std::string prefix = std::string(kPrefix) + ".";
  Settings settings{{kPrefix, policy.name}};
  if (policy.require_challenge) settings[prefix + "require_challenge"] = name_of(*policy.require_challenge);
  const auto add = [&](const char* key, const std::optional<int64_t>& value) {
    if (value) settings[prefix + key] = std::to_string(*value);
  };
  add("min_runs", policy.min_runs);
  add("min_trials", policy.min_trials);
  add("min_batch_sizes", policy.min_batch_sizes);
  add_arm_rules(settings, prefix + "treatments.", policy.treatments);
  for (const auto& [name, rules] : policy.arms) add_arm_rules(settings, prefix + "arms." + name + ".", rules);
  return settings;
}

Policy policy_of(const Settings& settings) {
  const auto name = settings.find(kPrefix);
  if (name == settings.end()) return *built_in_policy("default");
  Policy policy;
  policy.name = name->second;
  const std::string prefix = std::string(kPrefix) + ".";
  for (const auto& [key, value] : settings) {
    if (!key.starts_with(prefix)) continue;
    try {
      set_rule(policy, key.substr(prefix.size()), value);
    } catch (const Error& error) {
      throw Error(Exit::bad_input, "the audit's policy: " + std::string(error.what()));
    }
  }
  return policy;
}

std::optional<double> slowdown(const Finding& finding, const ArmFinding& arm) {
  if (finding.control < 0 || finding.control == arm.arm) return std::nullopt;
  std::map<int32_t, double> control;
  for (const SpeedAtSize& at : finding.arms[static_cast<size_t>(finding.control)].speed)
    control[at.batch_size] = at.tokens_per_second;
  std::vector<double> ratios;
  for (const SpeedAtSize& at : arm.speed) {
    const auto other = control.find(at.batch_size);
    if (other != control.end() && at.tokens_per_second > 0)
      ratios.push_back(other->second / at.tokens_per_second);
  }
  if (ratios.empty()) return std::nullopt;
  return median(std::move(ratios));
}

std::vector<RuleOutcome> judge(const Audit& audit, const Finding& finding, const Policy& policy) {
  return Judge(audit, finding).all(policy);
}

}  // namespace ra
