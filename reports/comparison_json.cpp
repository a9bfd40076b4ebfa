// Two audits compared, for machines.
#include <nlohmann/json.hpp>
#include <utility>

#include "reports/comparison_report.h"
#include "reports/escape.h"

namespace ra {
namespace {

using Tree = nlohmann::ordered_json;

constexpr int kVersion = 1;

Tree texts(const std::vector<std::string>& values) {
  Tree array = Tree::array();
  for (const std::string& value : values) array.push_back(repair_utf8(value));
  return array;
}

Tree changes(const std::vector<ValueChange>& values) {
  Tree array = Tree::array();
  for (const ValueChange& change : values) {
    Tree object = {{"name", repair_utf8(change.name)}, {"a", nullptr}, {"b", nullptr}};
    if (change.a) object["a"] = repair_utf8(*change.a);
    if (change.b) object["b"] = repair_utf8(*change.b);
    array.push_back(std::move(object));
  }
  return array;
}

Tree token(const Audit& audit, int32_t id) {
  if (id < 0) return nullptr;
  Tree object = {{"id", id}};
  const auto piece = audit.pieces.find(id);
  if (piece != audit.pieces.end()) object["text"] = repair_utf8(piece->second);
  return object;
}

Tree parting(const Audit& a, const Audit& b, const std::optional<Parting>& at) {
  if (!at) return nullptr;
  const Trial& trial = b.plan.trials[static_cast<size_t>(at->trial)];
  Tree object = {
      {"what", at->tokens ? "tokens" : "logits"}, {"trial", at->trial},       {"kind", name_of(trial.kind)},
      {"batch_size", trial.batch_size},           {"sequence", at->sequence}, {"position", at->position}};
  if (at->tokens) {
    object["a"] = token(a, at->a_token);
    object["b"] = token(b, at->b_token);
  }
  return object;
}

Tree choices(const std::vector<ChoiceChange>& values) {
  Tree array = Tree::array();
  for (const ChoiceChange& change : values) {
    array.push_back({{"role", repair_utf8(change.role)},
                     {"rows", change.rows},
                     {"a", repair_utf8(change.a)},
                     {"b", repair_utf8(change.b)},
                     {"sum_order_changed", change.sum_order}});
  }
  return array;
}

Tree speed_at(const SpeedAtSize& speed) {
  return {{"tokens_per_second", speed.tokens_per_second},
          {"low", speed.low},
          {"high", speed.high},
          {"trials", speed.trials}};
}

Tree speeds(const std::vector<SpeedChange>& values) {
  Tree array = Tree::array();
  for (const SpeedChange& change : values)
    array.push_back(
        {{"batch_size", change.a.batch_size}, {"a", speed_at(change.a)}, {"b", speed_at(change.b)}});
  return array;
}

Tree arm_of(const Audit& audit, int32_t arm) {
  if (arm < 0) return nullptr;
  const Arm& facts = audit.arms[static_cast<size_t>(arm)];
  return {{"name", repair_utf8(facts.name)}, {"sum_order_class", repair_utf8(facts.facts.sum_order_class)}};
}

Tree audit_of(const ComparedAudit& compared) {
  return {{"name", repair_utf8(compared.name)},
          {"id", repair_utf8(compared.audit.id)},
          {"created", repair_utf8(compared.audit.created)},
          {"tool", repair_utf8(compared.audit.tool)}};
}

}  // namespace

std::string json_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found) {
  Tree report = {{"format", "repro-audit-comparison"}, {"version", kVersion}};
  report["likeness"] = name_of(found.likeness);
  report["reason"] = found.reason.empty() ? Tree(nullptr) : Tree(repair_utf8(found.reason));
  report["exit_status"] = found.exit_status;
  report["a"] = audit_of(a);
  report["b"] = audit_of(b);
  report["same_plan"] = found.same_plan;
  report["obstacles"] = texts(found.obstacles);
  report["changes"] = changes(found.facts);
  report["arms"] = Tree::array();
  for (const ArmComparison& arm : found.arms) {
    Tree object = {
        {"a", arm_of(a.audit, arm.a)}, {"b", arm_of(b.audit, arm.b)}, {"likeness", name_of(arm.likeness)}};
    object["obstacles"] = texts(arm.obstacles);
    object["streams"] = {
        {"compared", arm.streams}, {"equal_tokens", arm.equal_tokens}, {"equal_logits", arm.equal_logits}};
    object["parting"] = parting(a.audit, b.audit, arm.parting);
    object["worse_verdict"] = arm.worse;
    object["changes"] = changes(arm.facts);
    object["kernel_choices"] = choices(arm.choices);
    object["speed"] = speeds(arm.speed);
    object["slowdown"] = arm.slowdown ? Tree(*arm.slowdown) : Tree(nullptr);
    report["arms"].push_back(std::move(object));
  }
  report["only_in_b"] = Tree::array();
  for (const int32_t arm : found.only_b) report["only_in_b"].push_back(arm_of(b.audit, arm));
  return report.dump(2, ' ', true) + "\n";
}

}  // namespace ra
