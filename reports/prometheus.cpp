// Prometheus' text format 0.0.4, for node_exporter's textfile collector.
#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <vector>

#include "core/printable.h"
#include "reports/report.h"

namespace ra {
namespace {

using Labels = std::vector<std::pair<const char*, std::string>>;

// A label's value: one line, backslash, quote and line feed escaped.
std::string quoted(const std::string& value) {
  std::string text;
  for (const char c : printable(value, 200)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

class Page {
 public:
  void metric(const char* name, const char* help) {
    name_ = fmt::format("repro_audit_{}", name);
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name_, help);
  }
  template <class Number>
  void sample(const Labels& labels, Number value) {
    std::string joined;
    for (const auto& [label, text] : labels)
      joined += fmt::format("{}{}=\"{}\"", joined.empty() ? "" : ",", label, quoted(text));
    text_ += name_ + (joined.empty() ? "" : "{" + joined + "}") + fmt::format(" {}\n", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

// Seconds since 1970 of "2026-11-22T11:31:38Z"; 0 for anything else.
int64_t epoch_seconds(const std::string& utc) {
  std::tm time{};
  if (std::sscanf(utc.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ", &time.tm_year, &time.tm_mon, &time.tm_mday,
                  &time.tm_hour, &time.tm_min, &time.tm_sec) != 6)
    return 0;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return timegm(&time);
}

}  // namespace

std::string prometheus_report(const Audit& audit, const Finding& finding) {
  Page page;
  const auto name_of_arm = [&](const ArmFinding& arm) {
    return audit.arms[static_cast<size_t>(arm.arm)].name;
  };
  const Labels model = {{"model", audit.subject.model_name},
                        {"prompt_sha256", audit.subject.prompt_sha256.substr(0, 16)}};
  const auto of_arm = [&](const ArmFinding& arm, const Labels& more = {}) {
    Labels labels = model;
    labels.emplace_back("arm", name_of_arm(arm));
    labels.insert(labels.end(), more.begin(), more.end());
    return labels;
  };

  page.metric("info", "The audit: always 1.");
  Labels info = model;
  for (const auto& [label, value] : Labels{{"audit", audit.id},
                                           {"tool", audit.tool},
                                           {"policy", finding.policy},
                                           {"model_sha256", audit.subject.model_sha256}})
    info.emplace_back(label, value);
  page.sample(info, 1);
  page.metric("begun_timestamp_seconds", "When the audit was begun.");
  page.sample(model, epoch_seconds(audit.created));
  page.metric("exit_status", "0: the policy is met; 1: a rule is unmet; 5: incomplete.");
  page.sample(model, finding.exit_status);
  page.metric("challenge", "What of the control differed: 0 nothing, 1 logits, 2 tokens.");
  page.sample(model, static_cast<int>(finding.challenge));
  page.metric("rules", "Rules of the policy by state.");
  for (const RuleState state : {RuleState::met, RuleState::unmet, RuleState::pending}) {
    int64_t count = 0;
    for (const RuleOutcome& rule : finding.rules) count += rule.state == state ? 1 : 0;
    Labels labels = model;
    labels.emplace_back("state", name_of(state));
    page.sample(labels, count);
  }
  page.metric("runs", "Runs of the audited prompt by state.");
  for (const ArmFinding& arm : finding.arms) {
    page.sample(of_arm(arm, {{"state", "done"}}), arm.done);
    page.sample(of_arm(arm, {{"state", "failed"}}), arm.failed);
    page.sample(of_arm(arm, {{"state", "pending"}}), arm.pending);
  }
  const auto per_arm = [&](const char* name, const char* help, const auto& value) {
    page.metric(name, help);
    for (const ArmFinding& arm : finding.arms) page.sample(of_arm(arm), value(arm));
  };
  per_arm("runs_equal_to_solo", "Runs whose stream equals that of the prompt alone.",
          [](const ArmFinding& arm) { return arm.equal_to_solo; });
  per_arm("distinct_streams", "Different answers of the runs.",
          [](const ArmFinding& arm) { return arm.distinct_streams; });
  per_arm("logits_differ", "1 if any run's or probe's logits differ.",
          [](const ArmFinding& arm) { return arm.logits_differ ? 1 : 0; });
  per_arm("random_trials", "Random trials compared.",
          [](const ArmFinding& arm) { return arm.digests.trials; });
  per_arm("random_trials_differing", "Random trials that differ from solo in any bit of the logits.",
          [](const ArmFinding& arm) { return arm.digests.differing; });
  per_arm("differing_rate_upper95", "One-sided 95% upper bound on the rate of such trials.",
          [](const ArmFinding& arm) { return fmt::format("{:.6f}", arm.digests.upper95); });
  per_arm("tokens_per_second", "Tokens emitted by all sequences, over the seconds of the trials.",
          [](const ArmFinding& arm) { return fmt::format("{:.3f}", arm.tokens_per_second); });
  return page.take();
}

}  // namespace ra
