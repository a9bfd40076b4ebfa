// What follows from the audits of one list of prompts (`run --prompts`): each prompt by itself, and all of them. Pure.
//
// Over prompts the unit is the prompt: of P prompts that were compared Y differ, and the exact one-sided 95%
// Clopper-Pearson bound on the rate of such prompts holds where the prompts were drawn at random from what one cares
// about. Runs and trials of different prompts are never added up.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/arm_summary.h"
#include "core/audit/set_place.h"

namespace ra {

// One prompt's audit.
struct PromptOutcome {
  std::string audit, created;  // its id; when it was begun
  std::string name;            // the prompt's id in the list
  std::string prompt_text, prompt_sha256, plan_sha256;
  int64_t segments = 1;
  std::vector<ArmSummary> arms;
  Challenge challenge = Challenge::none;
  bool incomplete = false;
  std::vector<RuleOutcome> rules;  // of the policy; arm: index into arms
  int exit_status = 0;
  std::string reason;
};

// Y of P prompts with the bound on the rate of such prompts.
struct PromptRate {
  int64_t differing = 0;
  int64_t prompts = 0;
  double upper95 = 1.0;
};

// One arm over all prompts.
struct SetArm {
  std::string name;
  // The worst of all prompts': diverged, incomplete, tokens-identical, identical.
  Verdict verdict = Verdict::identical;
  int64_t complete = 0;  // prompts with every planned trial done
  // Of prompts that are complete, or differ already: with any digest, any token unlike solo's.
  PromptRate digests, tokens;
  // The prompt that parts most: by verdict, then by the share of runs unlike solo, then by the earliest divergence, then
  // by its place. Index into PromptSet::prompts; absent where no prompt differs.
  std::optional<size_t> worst;
};

struct PromptSet {
  SetPlace list;  // of the first prompt: the set's id, count, the list's SHA-256, the seed
  std::string model_name, model_sha256, tool, policy;
  std::string created;                 // the first prompt's
  std::vector<PromptOutcome> prompts;  // in the order of the list
  std::vector<SetArm> arms;
  int32_t control = -1;  // index into arms of `standard`, -1 without one
  std::array<int64_t, 3>
      prompts_by_challenge{};  // [Challenge]: of prompts that are complete, or differ already
  std::string scope;
  std::vector<std::string> verdict;  // the answer; one sentence an arm; what it rests on
  bool incomplete = false;
  std::string reason;   // why exit_status is not 0, in one sentence; else empty
  int exit_status = 0;  // the worst prompt's: 1 (a rule is unmet) before 5 (incomplete) before 0
};

// Adds the next prompt of the list. Error(bad_input) where the audit is not of the set's next prompt, or has another model
// or other arms than those before.
void add_prompt(PromptSet& set, const Audit& audit, const Finding& finding);

// Fills in what is about all prompts, after the last one was added. Error(bad_input) where prompts of the list are missing.
void conclude(PromptSet& set);

}  // namespace ra
