#include "core/audit/comparison.h"

#include <algorithm>
#include <set>

#include "core/audit/comparison_arm.h"
#include "core/audit/set_place.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kShown = 60;  // bytes of a prompt in a sentence
constexpr const char* kPlanHash = "plan's SHA-256";

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : "; ").append(part);
  return text;
}

Words subject_words(const Audit& audit) {
  Words words;
  // The model's SHA-256 is of all its files.
  for (const auto& [name, value] : audit.subject.model) {
    if (!name.starts_with(kModelFile)) words["model: " + name] = value;
  }
  for (const auto& [name, value] : audit.subject.settings) {
    if (!is_set_fact(name)) words["settings: " + name] = value;
  }
  words["tool"] = audit.tool;
  words["model"] = audit.subject.model_name;
  words["model's SHA-256"] = audit.subject.model_sha256;
  words["prompt's SHA-256"] = audit.subject.prompt_sha256;
  words[kPlanHash] = plan_sha256(audit.plan);
  return words;
}

// Which arm of `b` each arm of `a` is compared with: one of its class, by preference of its name; an opaque order's like
// has its kernel set too. Without one the arm of its name, to show what changed.
std::vector<int32_t> match_arms(const Audit& a, const Audit& b) {
  std::vector<int32_t> likes(a.arms.size(), -1);
  std::set<int32_t> taken;
  const auto match = [&](const auto& fits) {
    for (const Arm& arm : a.arms) {
      int32_t& like = likes[static_cast<size_t>(arm.id)];
      for (const Arm& other : b.arms) {
        if (like >= 0 || taken.contains(other.id) || !fits(arm, other)) continue;
        like = other.id;
        taken.insert(other.id);
      }
    }
  };
  const auto same_class = [](const Arm& arm, const Arm& other) {
    return arm.facts.sum_order_class == other.facts.sum_order_class &&
           (arm.facts.sum_order_class != kOpaqueClass || arm.facts.kernel_set == other.facts.kernel_set);
  };
  match([&](const Arm& arm, const Arm& other) { return same_class(arm, other) && arm.name == other.name; });
  match(same_class);
  match([](const Arm& arm, const Arm& other) { return arm.name == other.name; });
  return likes;
}

std::string difference_of(const Audit& b, const ArmComparison& arm, const Finding& a_finding,
                          const Finding& b_finding) {
  const int64_t unlike = arm.streams - arm.equal_logits;
  if (unlike == 0) {
    return std::string("was ") + name_of(a_finding.arms[static_cast<size_t>(arm.a)].verdict) + ", is " +
           name_of(b_finding.arms[static_cast<size_t>(arm.b)].verdict);
  }
  const Parting& parting = *arm.parting;
  const Trial& trial = b.plan.trials[static_cast<size_t>(parting.trial)];
  return std::to_string(unlike) + " of " + std::to_string(arm.streams) + " streams " +
         (parting.tokens ? "differ in tokens" : "have other logits") + ", first at token " +
         std::to_string(parting.position) + " in trial " + std::to_string(trial.id) + " (" +
         name_of(trial.kind) + ", batch size " + std::to_string(trial.batch_size) + ")";
}

void conclude(const Audit& a, const Finding& a_finding, const Audit& b, const Finding& b_finding,
              Comparison& found) {
  std::vector<std::string> different, not_comparable;
  for (const ArmComparison& arm : found.arms) {
    const std::string name = printable(a.arms[static_cast<size_t>(arm.a)].name);
    if (arm.likeness == Likeness::different)
      different.push_back(name + " " + difference_of(b, arm, a_finding, b_finding));
    if (arm.likeness == Likeness::not_comparable)
      not_comparable.push_back(name + " is not comparable: " + joined(arm.obstacles));
  }
  found.likeness = !different.empty()        ? Likeness::different
                   : !not_comparable.empty() ? Likeness::not_comparable
                                             : Likeness::same;
  different.insert(different.end(), not_comparable.begin(), not_comparable.end());
  found.reason = joined(different);
}

}  // namespace

std::vector<std::string> find_obstacles(const Audit& a, const Audit& b) {
  std::vector<ValueChange> changes;
  const auto words = [](const Audit& audit) {
    Words found = {{"model's SHA-256", audit.subject.model_sha256},
                   {"--max-tokens", std::to_string(audit.plan.spec.max_tokens)}};
    for (const char* name : {"logits", "ignore_eos"})
      found[name] = value_of(audit.subject.settings, name).value_or("not recorded");
    return found;
  };
  add_changes(changes, words(a), words(b));
  std::vector<std::string> obstacles;
  for (const ValueChange& change : changes) obstacles.push_back(sentence_of(change));
  if (a.plan.spec.prompt != b.plan.spec.prompt) {
    obstacles.push_back("another prompt: " + std::to_string(a.plan.spec.prompt.size()) + " tokens \"" +
                        printable(a.subject.prompt_text, kShown) + "\" and " +
                        std::to_string(b.plan.spec.prompt.size()) + " tokens \"" +
                        printable(b.subject.prompt_text, kShown) + "\"");
  }
  return obstacles;
}

Comparison compare(const Audit& a, const Finding& a_finding, const Audit& b, const Finding& b_finding) {
  Comparison found;
  const Words a_words = subject_words(a), b_words = subject_words(b);
  add_changes(found.facts, a_words, b_words);
  found.obstacles = find_obstacles(a, b);
  found.same_plan = a_words.at(kPlanHash) == b_words.at(kPlanHash);
  found.reason = joined(found.obstacles);
  if (found.obstacles.empty()) {
    const Outcomes a_outcomes(a), b_outcomes(b);
    const std::vector<int32_t> likes = match_arms(a, b);
    for (const ArmFinding& arm : a_finding.arms) {
      const int32_t like = likes[static_cast<size_t>(arm.arm)];
      if (like < 0) {
        found.arms.push_back(
            {.a = arm.arm,
             .obstacles = {"no arm of sum-order class " +
                           printable(a.arms[static_cast<size_t>(arm.arm)].facts.sum_order_class) +
                           " or of its name"}});
        continue;
      }
      found.arms.push_back(compare_arms({a, a_outcomes}, arm, {b, b_outcomes},
                                        b_finding.arms[static_cast<size_t>(like)], found.same_plan));
    }
    for (const Arm& arm : b.arms) {
      if (std::find(likes.begin(), likes.end(), arm.id) == likes.end()) found.only_b.push_back(arm.id);
    }
    conclude(a, a_finding, b, b_finding, found);
  }
  found.exit_status = static_cast<int>(found.likeness == Likeness::same        ? Exit::ok
                                       : found.likeness == Likeness::different ? Exit::divergence
                                                                               : Exit::not_comparable);
  return found;
}

const char* name_of(Likeness likeness) {
  switch (likeness) {
    case Likeness::same:
      return "same";
    case Likeness::different:
      return "different";
    case Likeness::not_comparable:
      return "not comparable";
  }
  throw Error(Exit::bug, "internal error: an unknown likeness");
}

}  // namespace ra
