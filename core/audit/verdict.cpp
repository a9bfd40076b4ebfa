#include "core/audit/verdict.h"

#include <algorithm>

#include "core/audit/operations.h"
#include "core/audit/phrases.h"
#include "core/audit/policy.h"
#include "core/error.h"

namespace ra {
namespace {

constexpr const char* kScope =
    "Tested: repro-audit's own engine, this model, prompt(s), machine and schedules. Not tested: your "
    "serving stack.";

bool is_clean(Verdict verdict) {
  return verdict == Verdict::identical || verdict == Verdict::tokens_identical;
}

const std::string& name_in(const Audit& audit, const ArmFinding& arm) {
  return audit.arms[static_cast<size_t>(arm.arm)].name;
}

// A part of the first sentence: what this arm answered.
std::string answer(const Audit& audit, const ArmFinding& arm) {
  const std::string& name = name_in(audit, arm);
  if (arm.verdict == Verdict::incomplete)
    return name + " is incomplete, " + k_of_n(arm.done, arm.planned) + " runs done";
  if (is_clean(arm.verdict)) {
    return name + " gave the same answer in all " + counted(arm.done, "run") +
           (arm.verdict == Verdict::identical ? ", bit for bit" : ", though its logits changed");
  }
  if (arm.equal_to_solo == arm.done) return name + " answered otherwise when a trial was repeated";
  if (arm.distinct_streams == 1)
    return name + " gave another answer in all " + counted(arm.done, "run") + " than alone";
  return name + " gave " + std::to_string(arm.distinct_streams) + " different answers in " +
         counted(arm.done, "run");
}

std::string rate(const TrialRate& rate) {
  return k_of_n(rate.differing, rate.trials) + " random trial" + (rate.trials == 1 ? "" : "s");
}

// Where every trial differs there is nothing to bound.
std::string bound(const TrialRate& rate) {
  if (rate.differing == rate.trials) return "";
  return " (at most " + percent(rate.upper95) + " of such schedules, 95%)";
}

// "invariant: 1000 of 1000 runs equal solo; 1 stream; 0 of 62 random trials differ (at most 4.7% of such
// schedules, 95%)."
std::string arm_sentence(const Audit& audit, const ArmFinding& arm) {
  std::string text = name_in(audit, arm) + ": " + k_of_n(arm.equal_to_solo, arm.done) + " runs equal solo; " +
                     counted(arm.distinct_streams, "stream");
  if (arm.done < arm.planned) {
    text += "; " + k_of_n(arm.done, arm.planned) + " runs done";
    if (arm.failed > 0) text += ", " + std::to_string(arm.failed) + " failed";
  }
  if (arm.first_divergence)
    text += "; first divergence at token " + std::to_string(arm.first_divergence->position);
  if (arm.digests.trials == 0) return text + "; no random trial was compared.";
  text += "; " + rate(arm.digests) + (arm.digests.trials == 1 ? " differs" : " differ");
  if (arm.digests.differing == 0) return text + bound(arm.digests) + ".";
  text += " in logits" + bound(arm.digests);
  if (arm.tokens.trials > 0)
    text += ", " + k_of_n(arm.tokens.differing, arm.tokens.trials) + " in tokens" + bound(arm.tokens);
  return text + ".";
}

std::string control_sentence(const Audit& audit, const Finding& finding) {
  if (finding.control < 0)
    return "No control: without the arm standard nothing shows that this audit could find a difference.";
  const std::string& name = audit.arms[static_cast<size_t>(finding.control)].name;
  switch (finding.challenge) {
    case Challenge::tokens:
      return "The control fired: " + name + " challenged the audit in tokens.";
    case Challenge::logits:
      return "The control fired in logits only: " + name + " kept its tokens, but not its logits.";
    case Challenge::none:
      return "The control did not fire: " + name +
             " did not differ either, so a clean arm shows little here.";
  }
  throw Error(Exit::bug, "internal error: an unknown challenge");
}

void add_run_to_run(const Audit& audit, const ArmFinding& arm, std::vector<std::string>& sentences) {
  const std::string& name = name_in(audit, arm);
  if (arm.run_to_run) {
    sentences.push_back(name + " varies from run to run: " + k_of_n(arm.repeats_unlike, arm.repeats) +
                        " repeats with equal launches and kernel choices differ, so none of its divergences "
                        "is put down to the "
                        "batch.");
  } else if (arm.repeats > 0) {
    sentences.push_back(name + " repeats itself: " + k_of_n(arm.repeats, arm.repeats) +
                        " repeats equal their originals.");
  }
}

// "policy nightly: invariant: verdict is diverged; expected identical"
std::string unmet_sentence(const Audit& audit, const Finding& finding, const RuleOutcome& rule) {
  if (rule.rule == "require_challenge") {
    return "policy " + finding.policy + ": the control did not fire: challenge " + rule.found +
           "; expected " + rule.expected;
  }
  const std::string arm = rule.arm < 0 ? "" : audit.arms[static_cast<size_t>(rule.arm)].name + ": ";
  return "policy " + finding.policy + ": " + arm + rule.rule + " is " + rule.found + "; expected " +
         rule.expected;
}

void apply_policy(const Audit& audit, Finding& finding) {
  const Policy policy = policy_of(audit.subject.settings);
  finding.policy = policy.name;
  finding.rules = judge(audit, finding, policy);
  for (const RuleOutcome& rule : finding.rules) {
    if (rule.state != RuleState::unmet) continue;
    finding.reason += (finding.reason.empty() ? "" : "; ") + unmet_sentence(audit, finding, rule);
  }
  const bool unmet = !finding.reason.empty();
  if (!unmet && finding.incomplete) finding.reason = "some planned trials have no result; resume to finish";
  finding.exit_status = static_cast<int>(unmet                ? Exit::divergence
                                         : finding.incomplete ? Exit::incomplete
                                                              : Exit::ok);
}

}  // namespace

void conclude(const Audit& audit, Finding& finding) {
  finding.scope = kScope;
  if (finding.control >= 0) {
    const ArmFinding& control = finding.arms[static_cast<size_t>(finding.control)];
    finding.challenge = control.verdict == Verdict::diverged ? Challenge::tokens
                        : control.logits_differ              ? Challenge::logits
                                                             : Challenge::none;
  }
  // The treatments first: the question is about them.
  std::vector<const ArmFinding*> ordered;
  for (const ArmFinding& arm : finding.arms) {
    if (arm.arm != finding.control) ordered.push_back(&arm);
  }
  if (finding.control >= 0) ordered.push_back(&finding.arms[static_cast<size_t>(finding.control)]);

  std::string headline;
  bool any_clean = false;
  for (const ArmFinding* arm : ordered) {
    headline += (headline.empty() ? "" : "; ") + answer(audit, *arm);
    any_clean = any_clean || (arm->arm != finding.control && is_clean(arm->verdict));
    finding.incomplete = finding.incomplete || !arm->complete;
  }
  finding.verdict = {headline + "."};
  for (const ArmFinding* arm : ordered) finding.verdict.push_back(arm_sentence(audit, *arm));
  finding.verdict.push_back(control_sentence(audit, finding));
  for (const ArmFinding* arm : ordered) add_run_to_run(audit, *arm, finding.verdict);
  if (any_clean) finding.weakest_operation = weakest_operation(finding.operations);
  if (!finding.weakest_operation.empty()) {
    finding.verdict.push_back("Weakest operation: " + finding.weakest_operation + ".");
  }
  if (finding.incomplete)
    finding.verdict.push_back("Incomplete: some planned trials have no result; resume to finish.");
  apply_policy(audit, finding);
}

}  // namespace ra
