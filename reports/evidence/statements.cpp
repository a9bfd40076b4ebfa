#include "reports/evidence/statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/hash.h"
#include "core/json_values.h"
#include "reports/evidence/inputs.h"
#include "reports/words.h"

namespace ra {
namespace {

using json::count;
using json::integer;
using json::text;

Json digest_of(const BundleFiles& files, const std::string& name) {
  const auto file = files.find(name);
  check(file != files.end(), "a file that the statement names");
  return sha256_digest(hex(sha256(file->second)));
}

Json::Array model_subjects(const Audit& audit) {
  Json::Array subjects;
  for (const ModelFile& file : model_files(audit))
    subjects.push_back(resource(file.name, sha256_digest(file.sha256)));
  if (subjects.empty())
    subjects.push_back(resource(audit.subject.model_name, sha256_digest(audit.subject.model_sha256)));
  return subjects;
}

// SHA256SUMS first, then the files by name.
Json::Array bundle_subjects(const BundleFiles& files) {
  Json::Array subjects = {resource(kSums, digest_of(files, kSums))};
  for (const auto& [name, bytes] : files) {
    if (name != kSums) subjects.push_back(resource(name, sha256_digest(hex(sha256(bytes)))));
  }
  return subjects;
}

int64_t per_million(double share) {
  return std::llround(share * 1e6);
}

Json model_member(const Audit& audit) {
  const std::vector<ModelFile> files = model_files(audit);
  const std::optional<std::string> root = model_root_digest(files);
  return Json{Json::Object{
      {"name", text(audit.subject.model_name)},
      {"digest", sha256_digest(root.value_or(audit.subject.model_sha256))},
      {"annotations", Json{Json::Object{{"digestScheme", text(root ? "oms-v1.0-files" : "repro-audit-model")},
                                        {"files", count(files.size())},
                                        {"sha256", text(audit.subject.model_sha256)},
                                        {"vendorSignature", text("not checked")}}}}}};
}

Json design_member(const Audit& audit) {
  const PlanSpec& spec = audit.plan.spec;
  const auto trials = [&](TrialKind kind) {
    return integer(std::count_if(audit.plan.trials.begin(), audit.plan.trials.end(),
                                 [&](const Trial& trial) { return trial.kind == kind; }));
  };
  std::vector<std::string> strata;
  for (const Stratum stratum : spec.strata) strata.emplace_back(name_of(stratum));
  return Json{Json::Object{{"runsPlanned", integer(spec.runs)},
                           {"seed", text(std::to_string(spec.seed))},
                           {"batchSizes", json::array(spec.batch_sizes, integer)},
                           {"arms", json::texts(spec.arms)},
                           {"edgeTrials", trials(TrialKind::edge)},
                           {"randomTrials", trials(TrialKind::random)},
                           {"repeatTrials", trials(TrialKind::repeat)},
                           {"probes", count(audit.plan.probes.size())},
                           {"strata", json::texts(strata)},
                           {"planSha256", text(plan_sha256(audit.plan))}}};
}

Json arm_result(const Audit& audit, const ArmFinding& arm) {
  const bool has_solo = arm.solo_stream >= 0;
  return Json{Json::Object{
      {"arm", text(audit.arms.at(static_cast<size_t>(arm.arm)).name)},
      {"verdict", text(name_of(arm.verdict))},
      {"runs", integer(arm.done)},
      {"runsPlanned", integer(arm.planned)},
      {"runsFailed", integer(arm.failed)},
      {"runsPending", integer(arm.pending)},
      {"distinctStreams", integer(arm.distinct_streams)},
      {"runsUnlikeSolo", has_solo ? integer(arm.done - arm.equal_to_solo) : Json{}},
      {"firstDivergenceMin", arm.first_divergence ? integer(arm.first_divergence->position) : Json{}},
      {"trials", integer(arm.digests.trials)},
      {"trialsWithDifferingDigests", integer(arm.digests.differing)},
      {"upper95PerMillionTrials", integer(per_million(arm.digests.upper95))},
      {"trialsWithRuns", integer(arm.tokens.trials)},
      {"trialsWithDifferingTokens", integer(arm.tokens.differing)},
      {"upper95TokensPerMillionTrials", integer(per_million(arm.tokens.upper95))},
      {"repeats", integer(arm.repeats)},
      {"repeatsUnlike", integer(arm.repeats_unlike)},
      {"repeatsNotComparable", integer(arm.repeats_not_comparable)},
      {"probes", integer(arm.probes)},
      {"probesUnlike", integer(arm.probes_unlike)}}};
}

Json operation(const OperationFinding& operation) {
  return Json{Json::Object{{"op", text(operation.role)},
                           {"state", text(name_of(operation.state))},
                           {"sumOrders", integer(operation.sum_orders)},
                           {"detail", json_bytes(operation.detail)}}};
}

Json person(const ResponsiblePerson& one) {
  return Json{Json::Object{{"name", text(one.name)}, {"role", text(one.role)}}};
}

Json environment_member(const Audit& audit, const BundleFiles& files) {
  std::set<std::string> devices;
  for (const Arm& arm : audit.arms) devices.insert(arm.facts.device);
  return Json{
      Json::Object{{"digest", digest_of(files, kFingerprint)},
                   {"devices", json::array(devices, [](const std::string& id) { return json_bytes(id); })}}};
}

Json signer_member(const Issue& issue) {
  if (!issue.key) return Json{};
  return Json{Json::Object{{"keyid", text(issue.key->id())}}};
}

}  // namespace

Json sha256_digest(std::string hex_digest) {
  return Json{Json::Object{{"sha256", text(std::move(hex_digest))}}};
}

Json resource(const std::string& name, Json digest) {
  return Json{Json::Object{{"name", text(name)}, {"digest", std::move(digest)}}};
}

std::string statement(Json::Array subjects, const char* type, Json predicate) {
  std::string line = json_line(Json{Json::Object{{"_type", text(kStatementType)},
                                                 {"subject", Json{std::move(subjects)}},
                                                 {"predicateType", text(type)},
                                                 {"predicate", std::move(predicate)}}});
  line.pop_back();  // the newline is no part of it
  return line;
}

std::string verdict_word(const Finding& finding) {
  return finding.exit_status == static_cast<int>(Exit::divergence) ? "FAILED"
         : finding.incomplete                                      ? "INCOMPLETE"
                                                                   : "PASSED";
}

std::vector<std::string> evidence_limits(const Audit& audit, const Issue& issue) {
  const PlanSpec& spec = audit.plan.spec;
  std::map<int32_t, int64_t> sizes;
  for (const int32_t size : spec.batch_sizes) sizes[size] = 1;
  std::vector<std::string> limits = {
      "greedy decoding only",
      fmt::format("one prompt of {}, answers of at most {}",
                  counted(static_cast<int64_t>(spec.prompt.size()), "token"),
                  counted(spec.max_tokens, "token")),
      fmt::format("batch sizes {}", brief_ranges(sizes)),
      fmt::format("kernel sets {}", fmt::join(spec.arms, ", ")),
      "bounds are of schedules drawn as this plan draws them, this prompt, this machine",
      "equal answers are not right answers",
      "hashes show that nothing recorded was changed; that it ran shows only who runs it again",
  };
  if (!issue.key)
    limits.emplace_back("unsigned: nothing shows who made this, or that it was not made anew since");
  return limits;
}

std::string test_result_statement(const Audit& audit, const Finding& finding, const BundleFiles& files) {
  std::map<RuleState, std::vector<std::string>> tests;
  for (const RuleOutcome& rule : finding.rules) {
    const std::string arm = rule.arm < 0 ? "audit" : audit.arms.at(static_cast<size_t>(rule.arm)).name;
    tests[rule.state].push_back(arm + "/" + rule.rule);
  }
  const std::string verdict = verdict_word(finding);
  return statement(model_subjects(audit), kTestResultType,
                   Json{Json::Object{
                       {"result", text(verdict == "INCOMPLETE" ? "WARNED" : verdict)},
                       {"configuration", Json{Json::Array{resource(kSettings, digest_of(files, kSettings))}}},
                       {"passedTests", json::texts(tests[RuleState::met])},
                       {"warnedTests", json::texts(tests[RuleState::pending])},
                       {"failedTests", json::texts(tests[RuleState::unmet])}}});
}

std::string run_statement(const Audit& audit, const Finding& finding, const BundleFiles& files,
                          const std::string& head, const Issue& issue) {
  const auto of_arm = [&](const ArmFinding& arm) { return arm_result(audit, arm); };
  Json::Object sampling = {{"temperature", integer(0)},
                           {"maxNewTokens", integer(audit.plan.spec.max_tokens)},
                           {"tieBreak", text("lowest-id")}};
  Json::Object prompts = {{"digest", digest_of(files, kPrompts)},
                          {"annotations", Json{Json::Object{{"count", integer(1)}}}}};
  return statement(
      bundle_subjects(files), kRunType,
      Json{Json::Object{
          {"scope", text(finding.scope)},
          {"bundle", Json{Json::Object{{"format", integer(1)}, {"creator", text(issue.creator)}}}},
          {"auditId", text(audit.id)},
          {"startedAt", text(audit.created)},
          {"tool", Json{Json::Object{{"uri", text("pkg:generic/repro-audit@" + audit.tool)}}}},
          {"model", model_member(audit)},
          {"prompts", Json{std::move(prompts)}},
          {"sampling", Json{std::move(sampling)}},
          {"design", design_member(audit)},
          {"environment", environment_member(audit, files)},
          {"results", json::array(finding.arms, of_arm)},
          {"controlFired", finding.control < 0 ? Json{} : text(name_of(finding.challenge))},
          {"operations", json::array(finding.operations, operation)},
          {"weakestOperation", finding.weakest_operation.empty() ? Json{} : text(finding.weakest_operation)},
          {"verdict", text(verdict_word(finding))},
          {"sentences", json::texts(finding.verdict)},
          {"policy",
           Json{Json::Object{{"name", text(finding.policy)}, {"digest", digest_of(files, kPolicy)}}}},
          {"clauses", Json{Json::Object{{"version", text(issue.clauses.version)},
                                        {"digest", digest_of(files, kClauses)}}}},
          {"runChainHead", sha256_digest(head)},
          {"signer", signer_member(issue)},
          {"responsible", json::array(issue.responsible, person)},
          {"limits", json::texts(evidence_limits(audit, issue))}}});
}

}  // namespace ra
