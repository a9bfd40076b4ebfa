// What an audit must show for exit status 0: rules over its finding, kept as name -> value pairs with the audit's
// settings, so that a report made later judges by the same ones.
//
//   require_challenge = none | logits | tokens      what of the control must have differed
//   min_runs, min_trials, min_batch_sizes           runs done in each arm, random trials compared, row counts that occurred
//   treatments.RULE, arms.NAME.RULE                 of every arm but the control; of one arm, instead
//     verdict = promised | identical | tokens-identical | any
//     max_distinct, max_differing                   streams; random trials whose logits differ
//     max_rate                                      upper 95% bound on the rate of such trials, a share of 1
//     max_slowdown                                  tokens/s of the control over the arm's: median over batch sizes
// `promised`: an arm with a sum-order class of its own promises bits and must be identical, any other one in tokens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/analysis.h"

namespace ra {

enum class VerdictRule : uint8_t { promised, identical, tokens_identical, any };

struct ArmRules {
  std::optional<VerdictRule> verdict;
  std::optional<int64_t> max_distinct, max_differing;
  std::optional<double> max_rate, max_slowdown;
};

struct Policy {
  std::string name = "default";
  std::optional<Challenge> require_challenge;
  std::optional<int64_t> min_runs, min_trials, min_batch_sizes;
  ArmRules treatments;
  std::map<std::string, ArmRules> arms;
};

// default, nightly or evidence; absent for any other name.
std::optional<Policy> built_in_policy(const std::string& name);
const std::vector<std::string>& built_in_policies();

// Sets one rule: `key` as above, `value` as text. Error(usage) "<key>: <found>; <expected>".
void set_rule(Policy& policy, const std::string& key, const std::string& value);

// As settings: "policy" -> its name, "policy.KEY" -> value; and back. A policy that a database holds is untrusted:
// Error(bad_input). Settings without one mean `default`.
std::map<std::string, std::string> policy_settings(const Policy& policy);
Policy policy_of(const std::map<std::string, std::string>& settings);

// Tokens a second of the control over the arm's, the median over the batch sizes that both have; absent without them.
std::optional<double> slowdown(const Finding& finding, const ArmFinding& arm);

// How the finding stands to each rule, in the order of the policy: the audit's own rules, then each arm's.
std::vector<RuleOutcome> judge(const Audit& audit, const Finding& finding, const Policy& policy);

}  // namespace ra
