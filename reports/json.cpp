// The machine's report. man/repro-audit-report.5 and reports/report.schema.json say what each member means.
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/audit/set_place.h"
#include "reports/escape.h"
#include "reports/evidence/run_lines.h"
#include "reports/report.h"

namespace ra {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// Text of unknown bytes: valid UTF-8, and the bytes themselves where that lost something.
void put_text(Json& object, std::string_view bytes) {
  object["text"] = repair_utf8(bytes);
  if (!is_utf8(bytes)) object["base64"] = base64(bytes);
}

Json text_of(std::string_view bytes) {
  Json object = Json::object();
  put_text(object, bytes);
  return object;
}

Json strings(const std::map<std::string, std::string>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) object[repair_utf8(name)] = repair_utf8(value);
  return object;
}

Json counts(const std::map<int32_t, int64_t>& values, const char* key, const char* count) {
  Json array = Json::array();
  for (const auto& [value, times] : values) array.push_back({{key, value}, {count, times}});
  return array;
}

Json token(const Audit& audit, int32_t id) {
  if (id < 0) return nullptr;
  Json object = {{"id", id}};
  const auto piece = audit.pieces.find(id);
  if (piece != audit.pieces.end()) put_text(object, piece->second);
  return object;
}

template <typename Value>
Json optional(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json rate(const TrialRate& rate) {
  // Six decimals: what differs beyond them is the mathematics library, not the audit.
  return {{"differing", rate.differing},
          {"trials", rate.trials},
          {"upper95", std::round(rate.upper95 * 1e6) / 1e6}};
}

Json divergence(const Audit& audit, const std::optional<Divergence>& divergence) {
  if (!divergence) return nullptr;
  return {{"position", divergence->position},
          {"solo_token", token(audit, divergence->solo_token)},
          {"token", token(audit, divergence->token)},
          {"solo_gap", optional(divergence->solo_gap)},
          {"gap", optional(divergence->gap)},
          {"consistent_with_rounding", optional(divergence->consistent_with_rounding)}};
}

Json solo(const Audit& audit, const ArmFinding& arm) {
  if (arm.solo_stream < 0) return nullptr;
  const Stream& stream = audit.streams[static_cast<size_t>(arm.solo_stream)];
  return {{"sha256", stream.token_sha256},
          {"tokens", stream.tokens.size()},
          {"end", name_of(stream.end)},
          {"logit_digest", hex(stream.digest)},
          {"top_ties", arm.top_ties}};
}

Json groups(const Audit& audit, const ArmFinding& arm) {
  Json array = Json::array();
  for (const StreamGroup& group : arm.groups) {
    const Stream& stream = audit.streams[static_cast<size_t>(group.stream)];
    array.push_back({{"sha256", stream.token_sha256},
                     {"end", name_of(stream.end)},
                     {"runs", group.runs},
                     {"is_solo", group.is_solo},
                     {"divergence", divergence(audit, group.divergence)},
                     {"runs_by_batch_size", counts(group.runs_by_batch_size, "batch_size", "runs")}});
  }
  return array;
}

Json failures(const Audit& audit, const ArmFinding& arm) {
  Json array = Json::array();
  for (const int32_t index : arm.failures) {
    const Attempt& attempt = audit.attempts[static_cast<size_t>(index)];
    const Trial& trial = audit.plan.trials[static_cast<size_t>(attempt.trial)];
    array.push_back({{"trial", attempt.trial},
                     {"kind", name_of(trial.kind)},
                     {"batch_size", trial.batch_size},
                     {"reason", repair_utf8(attempt.failure)}});
  }
  return array;
}

Json strata(const ArmFinding& arm) {
  Json array = Json::array();
  for (const StratumFinding& stratum : arm.strata) {
    array.push_back({{"stratum", name_of(stratum.stratum)},
                     {"digests", rate(stratum.digests)},
                     {"tokens", rate(stratum.tokens)}});
  }
  return array;
}

Json arm_report(const Audit& audit, const ArmFinding& arm) {
  const Arm& facts = audit.arms[static_cast<size_t>(arm.arm)];
  Json agreement = nullptr;
  if (arm.agreement) agreement = {{"equal", arm.agreement->equal}, {"positions", arm.agreement->positions}};
  return {{"name", facts.name},
          {"device", facts.facts.device},
          {"kernel_set", facts.facts.kernel_set},
          {"sum_order_class", facts.facts.sum_order_class},
          {"environment", strings(facts.facts.environment)},
          {"verdict", name_of(arm.verdict)},
          {"complete", arm.complete},
          {"logits_differ", arm.logits_differ},
          {"runs",
           {{"planned", arm.planned},
            {"done", arm.done},
            {"failed", arm.failed},
            {"pending", arm.pending},
            {"equal_to_solo", arm.equal_to_solo}}},
          {"distinct_streams", arm.distinct_streams},
          {"solo", solo(audit, arm)},
          {"first_divergence", divergence(audit, arm.first_divergence)},
          {"groups", groups(audit, arm)},
          {"equal_at", arm.equal_at},
          {"random_trials", {{"digests", rate(arm.digests)}, {"tokens", rate(arm.tokens)}}},
          {"strata", strata(arm)},
          {"pairs", {{"compared", arm.pairs}, {"unlike", arm.unlike_pairs}}},
          {"repeats",
           {{"compared", arm.repeats},
            {"unlike", arm.repeats_unlike},
            {"not_comparable", arm.repeats_not_comparable},
            {"run_to_run", arm.run_to_run}}},
          {"probes", {{"compared", arm.probes}, {"unlike", arm.probes_unlike}}},
          {"agreement_with_reference", std::move(agreement)},
          {"runs_by_batch_size", counts(arm.runs_by_batch_size, "batch_size", "runs")},
          {"launches_by_rows", counts(arm.launches_by_rows, "rows", "launches")},
          {"launches_by_sequences", counts(arm.launches_by_logit_rows, "sequences", "launches")},
          {"failures", failures(audit, arm)}};
}

Json operations(const Finding& finding) {
  Json array = Json::array();
  for (const OperationFinding& operation : finding.operations) {
    array.push_back({{"role", operation.role},
                     {"state", name_of(operation.state)},
                     {"sum_orders", operation.sum_orders},
                     {"detail", operation.detail}});
  }
  return array;
}

Json policy(const Audit& audit, const Finding& finding) {
  Json rules = Json::array();
  for (const RuleOutcome& rule : finding.rules) {
    Json arm = nullptr;
    if (rule.arm >= 0) arm = audit.arms[static_cast<size_t>(rule.arm)].name;
    rules.push_back({{"arm", std::move(arm)},
                     {"rule", rule.rule},
                     {"expected", rule.expected},
                     {"found", rule.found},
                     {"state", name_of(rule.state)}});
  }
  Json reason = nullptr;
  if (!finding.reason.empty()) reason = repair_utf8(finding.reason);
  return {{"name", repair_utf8(finding.policy)}, {"rules", std::move(rules)}, {"reason", std::move(reason)}};
}

Json prompt(const Audit& audit) {
  Json tokens = Json::array();
  for (size_t i = 0; i < audit.plan.spec.prompt.size(); ++i) {
    Json object = {{"id", audit.plan.spec.prompt[i]}};
    if (i < audit.subject.prompt_pieces.size()) put_text(object, audit.subject.prompt_pieces[i]);
    tokens.push_back(std::move(object));
  }
  Json object = text_of(audit.subject.prompt_text);
  object["sha256"] = audit.subject.prompt_sha256;
  object["tokens"] = std::move(tokens);
  return object;
}

Json plan_report(const Plan& plan) {
  std::map<TrialKind, int64_t> kinds;
  for (const Trial& trial : plan.trials) ++kinds[trial.kind];
  Json trials = Json::object();
  for (const TrialKind kind : {TrialKind::solo, TrialKind::edge, TrialKind::random, TrialKind::repeat}) {
    trials[name_of(kind)] = kinds[kind];
  }
  Json probes = Json::array();
  for (const Probe& probe : plan.probes)
    probes.push_back({{"context", probe.context}, {"steps", probe.steps}});
  Json names = Json::array();
  for (const Stratum stratum : plan.spec.strata) names.push_back(name_of(stratum));
  return {{"sha256", plan_sha256(plan)},
          {"seed", std::to_string(plan.spec.seed)},
          {"runs", plan.spec.runs},
          {"max_tokens", plan.spec.max_tokens},
          {"batch_sizes", plan.spec.batch_sizes},
          {"strata", std::move(names)},
          {"trials", std::move(trials)},
          {"probes", std::move(probes)}};
}

// Every stream that an arm names by its SHA-256 and end, once, in the order in which arms name them.
Json streams(const Audit& audit, const Finding& finding) {
  std::set<std::pair<std::string, EndReason>> seen;
  Json array = Json::array();
  const auto add = [&](int32_t index) {
    const Stream& stream = audit.streams[static_cast<size_t>(index)];
    if (!seen.insert({stream.token_sha256, stream.end}).second) return;
    std::string bytes;
    for (const int32_t id : stream.tokens) {
      const auto piece = audit.pieces.find(id);
      if (piece != audit.pieces.end()) bytes += piece->second;
    }
    Json object = {
        {"sha256", stream.token_sha256}, {"xxh3", hex(stream.token_hash)}, {"end", name_of(stream.end)}};
    put_text(object, bytes);
    object["tokens"] = stream.tokens;
    array.push_back(std::move(object));
  };
  for (const ArmFinding& arm : finding.arms) {
    if (arm.solo_stream >= 0) add(arm.solo_stream);
    for (const StreamGroup& group : arm.groups) add(group.stream);
  }
  return array;
}

Json pieces(const Audit& audit) {
  Json array = Json::array();
  for (const auto& [id, bytes] : audit.pieces) array.push_back(token(audit, id));
  return array;
}

// All that may differ between an audit that ran through and one of the same plan that was interrupted and resumed.
Json volatile_members(const Audit& audit, const Finding& finding) {
  Json arms = Json::array();
  for (const ArmFinding& arm : finding.arms) {
    Json speed = Json::array();
    for (const SpeedAtSize& at : arm.speed) {
      speed.push_back({{"batch_size", at.batch_size},
                       {"trials", at.trials},
                       {"tokens_per_second", at.tokens_per_second},
                       {"low", at.low},
                       {"high", at.high}});
    }
    arms.push_back({{"name", audit.arms[static_cast<size_t>(arm.arm)].name},
                    {"seconds", arm.seconds},
                    {"tokens_per_second", arm.tokens_per_second},
                    {"speed", std::move(speed)}});
  }
  Json members = {{"audit", audit.id},
                  {"created", audit.created},
                  {"segments", audit.segments.size()},
                  {"run_chain_head", run_lines(audit).head},
                  {"arms", std::move(arms)}};
  const auto set = audit.subject.settings.find(kSetSetting);
  if (set != audit.subject.settings.end()) members["set"] = set->second;
  return members;
}

std::map<std::string, std::string> lasting(std::map<std::string, std::string> settings) {
  settings.erase(kSetSetting);
  return settings;
}

}  // namespace

std::string json_report(const Audit& audit, const Finding& finding) {
  Json control = {{"arm", nullptr}, {"challenge", name_of(finding.challenge)}};
  if (finding.control >= 0) control["arm"] = audit.arms[static_cast<size_t>(finding.control)].name;
  Json epsilon = nullptr;
  if (finding.epsilon) epsilon = {{"value", *finding.epsilon}, {"samples", finding.epsilon_samples}};
  Json weakest = nullptr;
  if (!finding.weakest_operation.empty()) weakest = finding.weakest_operation;

  Json report = {{"format", "repro-audit-report"}, {"version", kVersion}, {"tool", audit.tool}};
  report["scope"] = finding.scope;
  report["verdict"] = finding.verdict;
  report["exit_status"] = finding.exit_status;
  report["policy"] = policy(audit, finding);
  report["incomplete"] = finding.incomplete;
  report["control"] = std::move(control);
  report["weakest_operation"] = std::move(weakest);
  report["operations"] = operations(finding);
  report["epsilon"] = std::move(epsilon);
  report["arms"] = Json::array();
  for (const ArmFinding& arm : finding.arms) report["arms"].push_back(arm_report(audit, arm));
  report["model"] = {{"name", repair_utf8(audit.subject.model_name)},
                     {"sha256", audit.subject.model_sha256},
                     {"properties", strings(audit.subject.model)}};
  report["settings"] = strings(lasting(audit.subject.settings));
  report["prompt"] = prompt(audit);
  report["plan"] = plan_report(audit.plan);
  report["streams"] = streams(audit, finding);
  report["pieces"] = pieces(audit);
  report["volatile"] = volatile_members(audit, finding);
  // ASCII only: bidi controls and the like stay escapes, whatever shows the file.
  return report.dump(2, ' ', true) + "\n";
}

}  // namespace ra
