#include "core/audit/prompt_set.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/audit/phrases.h"
#include "core/audit/statistics.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

int severity(Verdict verdict) {
  switch (verdict) {
    case Verdict::diverged:
      return 3;
    case Verdict::incomplete:
      return 2;
    case Verdict::tokens_identical:
      return 1;
    case Verdict::identical:
      return 0;
  }
  throw Error(Exit::bug, "internal error: an unknown verdict");
}

bool differs(const ArmSummary& arm) {
  return arm.verdict == Verdict::diverged || arm.logits_differ;
}

// Whether `a` parts more than `b`.
bool is_worse(const ArmSummary& a, const ArmSummary& b) {
  const auto key = [](const ArmSummary& arm) {
    const double unlike =
        arm.done == 0 ? 0 : static_cast<double>(arm.done - arm.equal_to_solo) / static_cast<double>(arm.done);
    return std::tuple(arm.verdict == Verdict::diverged, unlike, -arm.first_divergence.value_or(INT32_MAX));
  };
  return key(a) > key(b);
}

SetArm over_prompts(const PromptSet& set, size_t place) {
  SetArm over{.name = set.prompts.front().arms[place].name};
  for (size_t i = 0; i < set.prompts.size(); ++i) {
    const ArmSummary& arm = set.prompts[i].arms[place];
    if (severity(arm.verdict) > severity(over.verdict)) over.verdict = arm.verdict;
    over.complete += arm.complete ? 1 : 0;
    const bool diverged = arm.verdict == Verdict::diverged;
    over.digests.prompts += arm.complete || differs(arm) ? 1 : 0;
    over.digests.differing += differs(arm) ? 1 : 0;
    over.tokens.prompts += arm.complete || diverged ? 1 : 0;
    over.tokens.differing += diverged ? 1 : 0;
    if (differs(arm) && (!over.worst || is_worse(arm, set.prompts[*over.worst].arms[place]))) over.worst = i;
  }
  for (PromptRate* rate : {&over.digests, &over.tokens})
    rate->upper95 = upper95(rate->differing, rate->prompts);
  return over;
}

std::string shown(const std::string& name) {
  return "\"" + printable(name) + "\"";
}

// A part of the first sentence: how this arm answered.
std::string answer(const SetArm& arm, int64_t prompts) {
  switch (arm.verdict) {
    case Verdict::identical:
      return arm.name + " gave one answer to each of " + counted(prompts, "prompt") + ", bit for bit";
    case Verdict::tokens_identical:
      return arm.name + " gave one answer to each of " + counted(prompts, "prompt") +
             ", though its logits changed";
    case Verdict::diverged:
      return arm.name + " did not keep its answer to " + k_of_n(arm.tokens.differing, prompts) + " prompts";
    case Verdict::incomplete:
      return arm.name + " is incomplete, " + k_of_n(arm.complete, prompts) + " prompts done";
  }
  throw Error(Exit::bug, "internal error: an unknown verdict");
}

// "0 of 10 prompts differ in logits (at most 25.9% of such prompts, 95%)"; where every one does there is nothing to bound.
std::string rate(const PromptRate& rate, const std::string& what) {
  std::string text = k_of_n(rate.differing, rate.prompts) + what;
  if (rate.differing < rate.prompts) text += " (at most " + percent(rate.upper95) + " of such prompts, 95%)";
  return text;
}

std::string arm_sentence(const PromptSet& set, size_t place) {
  const SetArm& over = set.arms[place];
  if (over.digests.prompts == 0) return over.name + ": no prompt was compared.";
  std::string text = over.name + ": " + rate(over.digests, " prompts differ in logits") + ", " +
                     rate(over.tokens, " in tokens");
  if (!over.worst) return text + ".";
  const PromptOutcome& worst = set.prompts[*over.worst];
  const ArmSummary& arm = worst.arms[place];
  text += "; worst " + shown(worst.name) + ": ";
  if (arm.verdict != Verdict::diverged) return text + "in logits alone.";
  text +=
      k_of_n(arm.equal_to_solo, arm.done) + " runs equal solo, " + counted(arm.distinct_streams, "stream");
  if (arm.first_divergence) text += ", first divergence at token " + std::to_string(*arm.first_divergence);
  return text + ".";
}

std::string control_sentence(const PromptSet& set) {
  if (set.control < 0)
    return "No control: without the arm standard nothing shows that these audits could find a difference.";
  const auto prompts = [&](Challenge challenge) {
    return set.prompts_by_challenge.at(static_cast<size_t>(challenge));
  };
  const std::string& name = set.arms[static_cast<size_t>(set.control)].name;
  const std::string none = std::to_string(prompts(Challenge::none));
  const int64_t judged =
      std::accumulate(set.prompts_by_challenge.begin(), set.prompts_by_challenge.end(), int64_t{0});
  return "The control fired in tokens on " + k_of_n(prompts(Challenge::tokens), judged) +
         " prompts, in logits only on " + std::to_string(prompts(Challenge::logits)) + ", and not on " +
         none +
         (prompts(Challenge::none) == 0 ? "."
                                        : ": where " + name + " did not differ, a clean arm shows little.");
}

// What an exit status means for all: a rule that is unmet goes before trials that are missing.
int rank(int exit_status) {
  return exit_status == static_cast<int>(Exit::divergence) ? 2
         : exit_status == static_cast<int>(Exit::ok)       ? 0
                                                           : 1;
}

void judge_all(PromptSet& set) {
  int64_t unmet = 0, incomplete = 0;
  const PromptOutcome* first = nullptr;
  for (const PromptOutcome& prompt : set.prompts) {
    unmet += prompt.exit_status == static_cast<int>(Exit::divergence) ? 1 : 0;
    incomplete += prompt.exit_status == static_cast<int>(Exit::incomplete) ? 1 : 0;
    if (rank(prompt.exit_status) > (first == nullptr ? 0 : rank(first->exit_status))) first = &prompt;
  }
  if (first == nullptr) return;
  set.exit_status = first->exit_status;
  const auto prompts = static_cast<int64_t>(set.prompts.size());
  if (unmet > 0) {
    set.reason = k_of_n(unmet, prompts) + " prompts do not meet the policy; prompt " + shown(first->name) +
                 ": " + first->reason;
  } else {
    set.reason = k_of_n(incomplete, prompts) + " prompts are incomplete; prompt " + shown(first->name) +
                 ": " + first->reason;
  }
}

}  // namespace

void add_prompt(PromptSet& set, const Audit& audit, const Finding& finding) {
  const auto expect = [&](bool holds, const std::string& found, const std::string& expected) {
    if (holds) return;
    throw Error(Exit::bad_input, "audit " + printable(audit.id) + ": " + found + "; expected " + expected);
  };
  const std::optional<SetPlace> place = set_place(audit.subject.settings);
  expect(place.has_value(), "of no list of prompts", "one of a list");
  if (set.prompts.empty()) {
    set.list = *place;
    set.model_name = audit.subject.model_name;
    set.model_sha256 = audit.subject.model_sha256;
    set.tool = audit.tool;
    set.policy = finding.policy;
    set.created = audit.created;
    set.scope = finding.scope;
    set.control = finding.control;
  }
  expect(place->set == set.list.set && place->count == set.list.count && place->sha256 == set.list.sha256 &&
             place->seed == set.list.seed && place->place == static_cast<int64_t>(set.prompts.size()) + 1,
         "another prompt's",
         "that of prompt " + std::to_string(set.prompts.size() + 1) + " of " + printable(set.list.set));
  expect(audit.subject.model_sha256 == set.model_sha256 && finding.control == set.control,
         "another model or control", "those of the set's first audit");
  PromptOutcome outcome{.audit = audit.id,
                        .created = audit.created,
                        .name = place->name,
                        .prompt_text = audit.subject.prompt_text,
                        .prompt_sha256 = audit.subject.prompt_sha256,
                        .plan_sha256 = plan_sha256(audit.plan),
                        .segments = static_cast<int64_t>(audit.segments.size()),
                        .challenge = finding.challenge,
                        .incomplete = finding.incomplete,
                        .rules = finding.rules,
                        .exit_status = finding.exit_status,
                        .reason = finding.reason};
  for (const ArmFinding& arm : finding.arms) outcome.arms.push_back(summarize(audit, arm));
  if (!set.prompts.empty()) {
    const std::vector<ArmSummary>& arms = set.prompts.front().arms;
    expect(std::equal(arms.begin(), arms.end(), outcome.arms.begin(), outcome.arms.end(),
                      [](const ArmSummary& a, const ArmSummary& b) { return a.name == b.name; }),
           "other arms", "those of the set's first audit");
  }
  set.prompts.push_back(std::move(outcome));
}

void conclude(PromptSet& set) {
  if (set.prompts.empty() || static_cast<int64_t>(set.prompts.size()) != set.list.count) {
    throw Error(Exit::bad_input, "set " + printable(set.list.set) + ": " +
                                     k_of_n(static_cast<int64_t>(set.prompts.size()), set.list.count) +
                                     " prompts; expected all of them");
  }
  for (size_t place = 0; place < set.prompts.front().arms.size(); ++place)
    set.arms.push_back(over_prompts(set, place));
  for (const PromptOutcome& prompt : set.prompts) {
    set.incomplete = set.incomplete || prompt.incomplete;
    if (!prompt.incomplete || prompt.challenge != Challenge::none)
      ++set.prompts_by_challenge.at(static_cast<size_t>(prompt.challenge));
  }
  // The treatments first: the question is about them.
  std::vector<size_t> order;
  for (size_t place = 0; place < set.arms.size(); ++place) {
    if (static_cast<int32_t>(place) != set.control) order.push_back(place);
  }
  if (set.control >= 0) order.push_back(static_cast<size_t>(set.control));

  const auto prompts = static_cast<int64_t>(set.prompts.size());
  std::string headline;
  for (const size_t place : order)
    headline += (headline.empty() ? "" : "; ") + answer(set.arms[place], prompts);
  set.verdict = {headline + "."};
  for (const size_t place : order) set.verdict.push_back(arm_sentence(set, place));
  set.verdict.emplace_back(
      "The bounds are for prompts drawn at random from what one cares about, asked as these were; of a list "
      "that someone chose they are only its counts.");
  set.verdict.push_back(control_sentence(set));
  if (set.incomplete)
    set.verdict.emplace_back("Incomplete: some planned trials have no result; resume to finish.");
  judge_all(set);
}

}  // namespace ra
