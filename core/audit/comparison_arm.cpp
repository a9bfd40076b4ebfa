// One arm of each of two audits.
#include "core/audit/comparison_arm.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/audit/statistics.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

// Facts that follow the plan: what certification tried, and a table as long as the longest sequence.
constexpr const char* kOfThePlan[] = {"certified", "rope_table_sha256"};
constexpr const char* kWhichDevice = "gpu_uuid";  // of several that are alike
constexpr size_t kShown = 60;                     // bytes of a value in a sentence

const SubjectFacts& facts_of(const Audit& audit, int32_t arm) {
  return audit.arms[static_cast<size_t>(arm)].facts;
}

bool is_opaque(const Audit& audit, int32_t arm) {
  return facts_of(audit, arm).sum_order_class == kOpaqueClass;
}

// The environment under the names of reports, with device and class.
Words words_of(const SubjectFacts& facts) {
  Words words = facts.environment;
  words["device"] = facts.device;
  words["kernel set"] = facts.kernel_set;
  words["sum-order class"] = facts.sum_order_class;
  return words;
}

int rank_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::identical:
    case Verdict::incomplete:  // nothing differed so far
      return 0;
    case Verdict::tokens_identical:
      return 1;
    case Verdict::diverged:
      return 2;
  }
  throw Error(Exit::bug, "internal error: an unknown verdict");
}

// Compares one arm of each.
class ArmComparer {
 public:
  ArmComparer(const ComparedSide& a, const ComparedSide& b, bool same_plan)
      : a_(a.audit), b_(b.audit), a_outcomes_(a.outcomes), b_outcomes_(b.outcomes), same_plan_(same_plan) {}

  ArmComparison compare(const ArmFinding& a, const ArmFinding& b) {
    found_ = {.a = a.arm, .b = b.arm};
    compare_facts();
    if (same_plan_) {
      for (const Trial& trial : b_.plan.trials) compare_trial(trial);
    } else {
      compare_solos();
    }
    compare_choices();
    compare_speed(a, b);
    conclude(a, b);
    return std::move(found_);
  }

 private:
  void compare_facts() {
    const SubjectFacts &a = facts_of(a_, found_.a), &b = facts_of(b_, found_.b);
    add_changes(found_.facts, words_of(a), words_of(b));
    if (a.sum_order_class != b.sum_order_class || is_opaque(a_, found_.a)) {
      for (const ValueChange& change : found_.facts) {
        const bool is_of_the_plan =
            std::find(std::begin(kOfThePlan), std::end(kOfThePlan), change.name) != std::end(kOfThePlan);
        const bool decides = is_opaque(a_, found_.a)
                                 ? change.name != kWhichDevice && (same_plan_ || !is_of_the_plan)
                                 : change.name == "sum-order class";
        if (decides) found_.obstacles.push_back(sentence_of(change));
      }
      if (is_opaque(a_, found_.a) && a_.tool != b_.tool)
        found_.obstacles.push_back(sentence_of({"tool", a_.tool, b_.tool}));
    }
    for (const auto& [role, outputs] : a.anchor_outputs) {
      const auto other = b.anchor_outputs.find(role);
      for (const auto& [order, output] : outputs) {
        if (other == b.anchor_outputs.end()) break;
        const std::optional<std::string> now = value_of(other->second, order);
        if (now && *now != output)
          found_.facts.push_back({"certified output of " + role + ", " + order, output, now});
      }
    }
  }

  void compare_trial(const Trial& trial) {
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      const auto sequence = static_cast<int32_t>(i);
      compare_streams(trial.id, sequence, a_outcomes_.stream(found_.a, trial.id, sequence),
                      b_outcomes_.stream(found_.b, trial.id, sequence));
    }
  }

  void compare_solos() {
    compare_streams(0, 0, a_outcomes_.solo(found_.a), b_outcomes_.solo(found_.b));
    for (const Trial& trial : b_.plan.trials) {
      if (trial.kind != TrialKind::solo || trial.sequences[0].kind != SequenceKind::probe) continue;
      const int32_t b_probe = trial.sequences[0].index;
      if (const int32_t a_probe = like_probe(b_probe); a_probe >= 0) {
        compare_streams(trial.id, 0, a_outcomes_.probe_solo(found_.a, a_probe),
                        b_outcomes_.probe_solo(found_.b, b_probe));
      }
    }
  }

  // a's probe of the same tokens; -1 if there is none.
  int32_t like_probe(int32_t b_probe) const {
    const Probe& probe = b_.plan.probes[static_cast<size_t>(b_probe)];
    const auto length = static_cast<ptrdiff_t>(probe.context) + probe.steps;
    const std::vector<int32_t>&a = a_.plan.texts[1], &b = b_.plan.texts[1];
    if (static_cast<ptrdiff_t>(a.size()) < length || !std::equal(b.begin(), b.begin() + length, a.begin()))
      return -1;
    for (size_t i = 0; i < a_.plan.probes.size(); ++i) {
      if (a_.plan.probes[i].context == probe.context && a_.plan.probes[i].steps == probe.steps)
        return static_cast<int32_t>(i);
    }
    return -1;
  }

  void compare_streams(int32_t trial, int32_t sequence, const Stream* a, const Stream* b) {
    if (a == nullptr || b == nullptr) return;
    ++found_.streams;
    Parting parting{.trial = trial,
                    .sequence = sequence,
                    .a_stream = static_cast<int32_t>(a - a_.streams.data()),
                    .b_stream = static_cast<int32_t>(b - b_.streams.data())};
    if (const std::optional<int32_t> position = first_difference(*a, *b)) {
      const auto token = [&](const Stream& stream) {
        const auto place = static_cast<size_t>(*position);
        return place < stream.tokens.size() ? stream.tokens[place] : -1;
      };
      parting.tokens = true;
      parting.position = *position;
      parting.a_token = token(*a);
      parting.b_token = token(*b);
    } else {
      ++found_.equal_tokens;
      const auto [in_a, in_b] =
          std::mismatch(a->steps.begin(), a->steps.end(), b->steps.begin(), b->steps.end(),
                        [](const StepRecord& x, const StepRecord& y) { return x.digest == y.digest; });
      if (in_a == a->steps.end() && in_b == b->steps.end()) {
        ++found_.equal_logits;
        return;
      }
      parting.position = static_cast<int32_t>(in_a - a->steps.begin());
    }
    const auto order = [](const Parting& at) {
      return std::tuple(!at.tokens, at.position, at.trial, at.sequence);
    };
    if (!found_.parting || order(parting) < order(*found_.parting)) found_.parting = parting;
  }

  using Choices = std::set<std::pair<std::string, std::string>>;   // with their sum orders
  using Shape = std::pair<int32_t, int32_t>;                       // rows and rows with logits of a launch
  using Ledger = std::map<std::string, std::map<Shape, Choices>>;  // by role

  static Ledger ledger_of(const Audit& audit, int32_t arm) {
    std::set<std::pair<Shape, int32_t>> launches;  // with their choice sets: there are few
    for (const Attempt& attempt : audit.attempts) {
      if (attempt.arm != arm || attempt.outcome != Outcome::done) continue;
      for (const LaunchRecord& launch : attempt.launches)
        launches.insert({{launch.rows, launch.logit_rows}, launch.choice_set});
    }
    Ledger ledger;
    for (const auto& [shape, set] : launches) {
      for (const ChoiceRecord& choice : audit.choice_sets[static_cast<size_t>(set)])
        ledger[choice.role][shape].insert({choice.choice, choice.sum_order});
    }
    return ledger;
  }

  // Context lengths may decide a choice, too, and other plans have others: then only what no launch has in common counts.
  bool unlike(const Choices& a, const Choices& b) const {
    if (same_plan_) return a != b;
    return std::none_of(a.begin(), a.end(), [&](const auto& choice) { return b.contains(choice); });
  }

  // Only of launches of a shape that both have.
  void compare_choices() {
    const Ledger a = ledger_of(a_, found_.a), b = ledger_of(b_, found_.b);
    std::map<std::tuple<std::string, std::string, std::string, bool>, std::set<int32_t>> changes;
    for (const auto& [role, shapes] : a) {
      const auto b_shapes = b.find(role);
      for (const auto& [shape, choices] : shapes) {
        if (b_shapes == b.end()) break;
        const auto other = b_shapes->second.find(shape);
        if (other == b_shapes->second.end() || !unlike(choices, other->second)) continue;
        std::set<std::string> a_orders, b_orders;
        for (const auto& [choice, order] : choices) a_orders.insert(order);
        for (const auto& [choice, order] : other->second) b_orders.insert(order);
        changes[{role, text_of(choices), text_of(other->second), a_orders != b_orders}].insert(shape.first);
      }
    }
    for (const auto& [change, rows] : changes) {
      const auto& [role, before, after, order] = change;
      found_.choices.push_back({role, before, after, order, {rows.begin(), rows.end()}});
    }
  }

  static std::string text_of(const Choices& choices) {
    std::string text;
    for (const auto& [choice, order] : choices) text.append(text.empty() ? "" : " or ").append(choice);
    return text;
  }

  void compare_speed(const ArmFinding& a, const ArmFinding& b) {
    std::vector<double> ratios;
    for (const SpeedAtSize& before : a.speed) {
      for (const SpeedAtSize& after : b.speed) {
        if (after.batch_size != before.batch_size) continue;
        found_.speed.push_back({before, after});
        if (after.tokens_per_second > 0) ratios.push_back(before.tokens_per_second / after.tokens_per_second);
      }
    }
    if (!ratios.empty()) found_.slowdown = median(ratios);
  }

  void conclude(const ArmFinding& a, const ArmFinding& b) {
    found_.worse = !is_opaque(b_, found_.b) && rank_of(b.verdict) > rank_of(a.verdict);
    if (found_.streams == 0) found_.obstacles.emplace_back("no run or probe that both have done");
    found_.likeness = !found_.obstacles.empty()                              ? Likeness::not_comparable
                      : found_.worse || found_.equal_logits < found_.streams ? Likeness::different
                                                                             : Likeness::same;
  }

  const Audit &a_, &b_;
  const Outcomes &a_outcomes_, &b_outcomes_;
  const bool same_plan_;
  ArmComparison found_;
};

}  // namespace

std::optional<std::string> value_of(const Words& words, const std::string& name) {
  const auto found = words.find(name);
  return found == words.end() ? std::nullopt : std::optional(found->second);
}

void add_changes(std::vector<ValueChange>& changes, const Words& a, const Words& b) {
  Words names = a;
  names.insert(b.begin(), b.end());
  for (const auto& [name, value] : names) {
    const std::optional<std::string> before = value_of(a, name), after = value_of(b, name);
    if (before != after) changes.push_back({name, before, after});
  }
}

std::string sentence_of(const ValueChange& change) {
  const auto shown = [](const std::optional<std::string>& value) {
    return value ? "\"" + printable(*value, kShown) + "\"" : std::string("absent");
  };
  return printable(change.name) + " was " + shown(change.a) + ", is " + shown(change.b);
}

ArmComparison compare_arms(const ComparedSide& a, const ArmFinding& a_arm, const ComparedSide& b,
                           const ArmFinding& b_arm, bool same_plan) {
  return ArmComparer(a, b, same_plan).compare(a_arm, b_arm);
}

}  // namespace ra
