#include "core/audit/operations.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace ra {
namespace {

// Keys in a segment of attention: a context beyond it is merged from several (numerics.md, rules 12 and 13).
constexpr int32_t kSegmentKeys = 256;
constexpr const char* kAttention = "attention";
constexpr const char* kAttentionMerge = "attention merge";
// Operations whose rows are the emitting ones only.
constexpr std::array<std::string_view, 2> kOfEmittingRows = {"final_norm", "lm_head"};
// The sum order of an operation whose outputs are made of single elements: nothing there that could be
// reordered.
constexpr const char* kNoSum = "no sum";

// What the ledger says about one role on audited steps.
struct Seen {
  std::set<std::string> sum_orders;
  std::set<int32_t> rows;
};

// What of a step concerns runs and probes.
struct AuditedPart {
  bool any = false;
  bool emits = false;
  int32_t longest_context = 0;
};

AuditedPart audited_part(const Trial& trial, const ScheduledStep& step) {
  AuditedPart part;
  for (const ScheduledSlice& slice : step) {
    if (trial.sequences[static_cast<size_t>(slice.sequence)].kind == SequenceKind::companion) continue;
    part.any = true;
    part.emits = part.emits || slice.emits;
    part.longest_context = std::max(part.longest_context, slice.position + slice.rows);
  }
  return part;
}

struct Ledger {
  std::vector<std::string> roles;  // in order of appearance
  std::map<std::string, Seen> seen;
  int32_t longest_context = 0;
};

Ledger read_ledger(const Audit& audit, const Outcomes& outcomes, int32_t arm) {
  Ledger ledger;
  for (const Trial& trial : audit.plan.trials) {
    const Attempt* attempt = outcomes.done(arm, trial.id);
    if (!attempt) continue;
    const std::vector<ScheduledStep>& steps = outcomes.steps(trial.id);
    for (size_t i = 0; i < steps.size(); ++i) {
      const AuditedPart part = audited_part(trial, steps[i]);
      if (!part.any) continue;
      const LaunchRecord& launch = attempt->launches[i];
      ledger.longest_context = std::max(ledger.longest_context, part.longest_context);
      for (const ChoiceRecord& choice : audit.choice_sets[static_cast<size_t>(launch.choice_set)]) {
        const bool of_emitting =
            std::find(kOfEmittingRows.begin(), kOfEmittingRows.end(), choice.role) != kOfEmittingRows.end();
        if (of_emitting && !part.emits) continue;
        const int32_t rows = of_emitting ? launch.logit_rows : launch.rows;
        const auto [at, is_new] = ledger.seen.try_emplace(choice.role);
        if (is_new) ledger.roles.push_back(choice.role);
        at->second.sum_orders.insert(choice.sum_order);
        at->second.rows.insert(rows);
        if (choice.role == kAttention && part.longest_context > kSegmentKeys) {
          Seen& merge = ledger.seen[kAttentionMerge];
          merge.sum_orders.insert(choice.sum_order);
          merge.rows.insert(rows);
        }
      }
    }
  }
  return ledger;
}

// Distinct outputs that certification saw from one input under the sum orders that were launched.
size_t distinct_outputs(const SubjectFacts& facts, const std::string& role,
                        const std::set<std::string>& sum_orders) {
  const auto anchors = facts.anchor_outputs.find(role);
  if (anchors == facts.anchor_outputs.end()) return 0;
  std::set<std::string> outputs;
  for (const std::string& order : sum_orders) {
    const auto output = anchors->second.find(order);
    if (output != anchors->second.end()) outputs.insert(output->second);
  }
  return outputs.size();
}

std::string counted(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

OperationFinding judge(const std::string& role, const Seen& seen, size_t outputs, bool is_control) {
  OperationFinding finding{.role = role, .sum_orders = static_cast<int64_t>(seen.sum_orders.size())};
  const std::string orders = counted(seen.sum_orders.size(), "sum order");
  if (seen.sum_orders == std::set<std::string>{kNoSum}) {
    finding.sum_orders = 0;
    finding.state = seen.rows.size() < 2 ? OperationState::not_exercised : OperationState::exercised;
    finding.detail = kNoSum;
  } else if (seen.rows.size() < 2) {
    finding.detail = "rows never varied";
  } else if (is_control && seen.sum_orders.size() >= 2 && outputs >= 2) {
    finding.state = OperationState::challenged;
    finding.detail = orders + ", " + std::to_string(outputs) + " outputs from one input";
  } else {
    finding.state = OperationState::exercised;
    finding.detail = counted(seen.rows.size(), "row count") + ", " + orders;
    if (is_control && seen.sum_orders.size() >= 2) {
      finding.detail += outputs == 0 ? ", outputs not compared" : ", no two outputs differed where compared";
    }
  }
  return finding;
}

}  // namespace

std::vector<OperationFinding> find_operations(const Audit& audit, const Outcomes& outcomes, int32_t arm,
                                              bool is_control) {
  const Ledger ledger = read_ledger(audit, outcomes, arm);
  const SubjectFacts& facts = audit.arms[static_cast<size_t>(arm)].facts;
  std::vector<OperationFinding> findings;
  for (const std::string& role : ledger.roles) {
    const Seen& seen = ledger.seen.at(role);
    findings.push_back(judge(role, seen, distinct_outputs(facts, role, seen.sum_orders), is_control));
    if (role != kAttention) continue;
    const auto merge = ledger.seen.find(kAttentionMerge);
    if (merge != ledger.seen.end()) {
      const size_t outputs = distinct_outputs(facts, kAttention, merge->second.sum_orders);
      findings.push_back(judge(kAttentionMerge, merge->second, outputs, is_control));
    } else {
      const int32_t longest = ledger.longest_context;
      findings.push_back({.role = kAttentionMerge,
                          .detail = "longest context " + std::to_string(longest) +
                                    (longest < kSegmentKeys ? " < " : " = ") + std::to_string(kSegmentKeys)});
    }
  }
  return findings;
}

std::string weakest_operation(const std::vector<OperationFinding>& operations) {
  const OperationFinding* weakest = nullptr;
  for (const OperationFinding& operation : operations) {
    if (operation.detail == kNoSum) continue;
    if (!weakest ||
        std::pair(operation.state, operation.sum_orders) < std::pair(weakest->state, weakest->sum_orders)) {
      weakest = &operation;
    }
  }
  return weakest ? weakest->role + ": " + weakest->detail : std::string();
}

}  // namespace ra
