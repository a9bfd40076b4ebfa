// Prometheus' text format 0.0.4, for node_exporter's textfile collector.
#include "reports/prometheus_page.h"
#include "reports/prompts_report.h"
#include "reports/report.h"
#include "reports/words.h"

namespace ra {

std::string prometheus_report(const Audit& audit, const Finding& finding) {
  PrometheusPage page;
  const auto name_of_arm = [&](const ArmFinding& arm) {
    return audit.arms[static_cast<size_t>(arm.arm)].name;
  };
  const Labels model = {{"model", audit.subject.model_name},
                        {"prompt_sha256", audit.subject.prompt_sha256.substr(0, 16)}};
  const auto of_arm = [&](const ArmFinding& arm, const Labels& more = {}) {
    return with(with(model, {{"arm", name_of_arm(arm)}}), more);
  };

  page.metric("info", "The audit: always 1.");
  page.sample(with(model, {{"audit", audit.id},
                           {"tool", audit.tool},
                           {"policy", finding.policy},
                           {"model_sha256", audit.subject.model_sha256}}),
              1);
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
    page.sample(with(model, {{"state", name_of(state)}}), count);
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

std::string prompts_prometheus(const PromptSet& set) {
  PrometheusPage page;
  const Labels list = {{"model", set.model_name}, {"list_sha256", set.list.sha256.substr(0, 16)}};
  page.metric("prompts_info", "The audits of a list of prompts: always 1.");
  page.sample(with(list, {{"set", set.list.set},
                          {"tool", set.tool},
                          {"policy", set.policy},
                          {"model_sha256", set.model_sha256}}),
              1);
  page.metric("prompts_begun_timestamp_seconds", "When the first of the audits was begun.");
  page.sample(list, epoch_seconds(set.created));
  page.metric("prompts_exit_status", "The worst of the prompts': 1 a rule is unmet, 5 incomplete, 0 met.");
  page.sample(list, set.exit_status);
  page.metric("prompts", "Prompts of the list.");
  page.sample(list, set.prompts.size());
  page.metric("prompts_challenged", "Prompts by what of the control differed.");
  for (const Challenge challenge : {Challenge::tokens, Challenge::logits, Challenge::none}) {
    page.sample(with(list, {{"challenge", name_of(challenge)}}),
                set.prompts_by_challenge.at(static_cast<size_t>(challenge)));
  }
  const auto per_arm = [&](const char* name, const char* help, const auto& value) {
    page.metric(name, help);
    for (const SetArm& arm : set.arms) {
      for (const auto& [what, rate] : {std::pair("logits", &arm.digests), std::pair("tokens", &arm.tokens)})
        page.sample(with(list, {{"arm", arm.name}, {"what", what}}), value(*rate));
    }
  };
  per_arm("prompts_compared", "Prompts that are complete, or differ already.",
          [](const PromptRate& rate) { return rate.prompts; });
  per_arm("prompts_differing", "Prompts with any difference from solo.",
          [](const PromptRate& rate) { return rate.differing; });
  per_arm("prompts_differing_rate_upper95",
          "One-sided 95% upper bound on the rate of such prompts, if they were drawn at random.",
          [](const PromptRate& rate) { return fmt::format("{:.6f}", rate.upper95); });
  page.metric("prompt_exit_status", "Of each prompt's audit.");
  for (const PromptOutcome& prompt : set.prompts)
    page.sample(with(list, {{"prompt", prompt.name}}), prompt.exit_status);
  const auto per_prompt = [&](const char* name, const char* help, const auto& value) {
    page.metric(name, help);
    for (const PromptOutcome& prompt : set.prompts) {
      for (const ArmSummary& arm : prompt.arms)
        page.sample(with(list, {{"prompt", prompt.name}, {"arm", arm.name}}), value(arm));
    }
  };
  per_prompt("prompt_runs_equal_to_solo", "Runs whose stream equals that of the prompt alone.",
             [](const ArmSummary& arm) { return arm.equal_to_solo; });
  per_prompt("prompt_distinct_streams", "Different answers of the runs.",
             [](const ArmSummary& arm) { return arm.distinct_streams; });
  return page.take();
}

}  // namespace ra
