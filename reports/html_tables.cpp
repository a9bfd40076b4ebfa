// The sections that are tables and lists.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string table(const std::string& title, const Rows& rows) {
  std::string markup = fmt::format(
      "<div class=\"scroll\"><table><thead><tr><th colspan=\"2\">{}</th></tr></thead><tbody>\n", title);
  for (const auto& [key, value] : rows) {
    fmt::format_to(std::back_inserter(markup), "<tr><th>{}</th><td class=\"break\">{}</td></tr>\n",
                   escape(key), escape(value));
  }
  return markup + "</tbody></table></div>\n";
}

Rows joined(Rows first, const std::map<std::string, std::string>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

std::string trial_row(const HtmlView& view, const ArmFinding& arm, const char* stratum,
                      const TrialRate& digests, const TrialRate& tokens) {
  const auto text = [](const TrialRate& rate) {
    return rate.trials == 0 ? "none compared" : rate_text(rate);
  };
  return fmt::format("<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n", view.name(arm), stratum,
                     text(digests), text(tokens));
}

std::string failures(const HtmlView& view) {
  std::string rows;
  for (const ArmFinding& arm : view.finding.arms) {
    for (const int32_t index : arm.failures) {
      const Attempt& attempt = view.audit.attempts[static_cast<size_t>(index)];
      fmt::format_to(
          std::back_inserter(rows),
          "<tr><th>{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"break\">{}</td></tr>\n",
          view.name(arm), attempt.trial,
          view.audit.plan.trials[static_cast<size_t>(attempt.trial)].batch_size, escape(attempt.failure));
    }
  }
  if (rows.empty()) return rows;
  return "<h3>Failed trials</h3>\n<div class=\"scroll\"><table><thead><tr><th>Arm</th><th "
         "class=\"n\">Trial</th><th class=\"n\">Batch "
         "size</th><th>Reason</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n";
}

}  // namespace

std::string HtmlView::name(const ArmFinding& arm) const {
  return escape(facts(arm).name);
}

std::string HtmlView::token(int32_t id) const {
  if (id < 0) return "the end";
  return fmt::format("<span class=\"token\">{}</span>", escape(piece_of(audit, id)));
}

std::string html_trials(const HtmlView& view) {
  std::string markup = html_section("Random trials",
                                    "Runs of one trial share launches, so the unit of every rate is the "
                                    "trial: distinct schedules, drawn at random. The bound is the "
                                    "exact one-sided 95% Clopper-Pearson one, for schedules drawn as this "
                                    "plan draws them, this prompt, this machine.");
  markup +=
      "<div class=\"scroll\"><table><thead><tr><th>Arm</th><th>Stratum</th><th>Unlike in "
      "logits</th><th>Unlike in tokens</th>"
      "</tr></thead><tbody>\n";
  std::string pairs;
  for (const ArmFinding& arm : view.finding.arms) {
    for (const StratumFinding& at : arm.strata)
      markup += trial_row(view, arm, name_of(at.stratum), at.digests, at.tokens);
    if (arm.strata.size() != 1) markup += trial_row(view, arm, "all together", arm.digests, arm.tokens);
    if (arm.pairs == 0) continue;
    fmt::format_to(std::back_inserter(pairs), "<br>{}: {} ({} of {}).", view.name(arm),
                   percent(static_cast<double>(arm.unlike_pairs) / static_cast<double>(arm.pairs)),
                   arm.unlike_pairs, arm.pairs);
  }
  markup += "</tbody></table></div>\n";
  if (!pairs.empty())
    markup += fmt::format(
        "<p class=\"about below\">Pairs of runs from different trials that are unlike:{}</p>\n", pairs);
  return markup + failures(view);
}

std::string html_operations(const HtmlView& view) {
  if (view.finding.operations.empty()) return "";
  std::string markup = html_section("Operations",
                                    "A clean arm means something where the control was <em>challenged</em>: "
                                    "it ran the operation in several orders of addition, and "
                                    "their results from one input differed. <em>Exercised</em>: the number "
                                    "of rows varied, the results did not.");
  markup +=
      "<div "
      "class=\"scroll\"><table><thead><tr><th>Operation</th><th>State</th><th>Why</th></tr></thead><tbody>\n";
  for (const OperationFinding& operation : view.finding.operations) {
    const char* tone = operation.state == OperationState::challenged      ? "good"
                       : operation.state == OperationState::not_exercised ? "notice"
                                                                          : "plain";
    fmt::format_to(
        std::back_inserter(markup),
        "<tr><th>{}</th><td><span class=\"badge {}\">{}</span></td><td class=\"break\">{}</td></tr>\n",
        escape(operation.role), tone, name_of(operation.state), escape(operation.detail));
  }
  return markup + "</tbody></table></div>\n";
}

std::string html_policy(const HtmlView& view) {
  const Finding& finding = view.finding;
  if (finding.rules.empty()) return "";
  std::string markup = html_section(
      "Policy", "What exit status 0 needs, by the policy <b>" + escape(finding.policy) + "</b>.");
  markup +=
      "<div class=\"scroll\"><table><thead><tr><th>Arm</th><th>Rule</th><th>Expected</th><th>Found</th>"
      "<th>State</th></tr></thead><tbody>\n";
  for (const RuleOutcome& rule : finding.rules) {
    const char* tone = rule.state == RuleState::met     ? "good"
                       : rule.state == RuleState::unmet ? "bad"
                                                        : "notice";
    markup += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td><span class=\"badge {}\">{}</span>"
        "</td></tr>\n",
        rule.arm < 0 ? "all" : view.name(finding.arms[static_cast<size_t>(rule.arm)]), escape(rule.rule),
        escape(rule.expected), escape(rule.found), tone, name_of(rule.state));
  }
  return markup + "</tbody></table></div>\n";
}

std::string html_subject(const HtmlView& view) {
  const AuditSubject& subject = view.audit.subject;
  const Plan& plan = view.audit.plan;
  std::string markup = html_section("Model, prompt and environment", "");
  fmt::format_to(std::back_inserter(markup),
                 "<pre>{}</pre>\n<p class=\"about\">{} with the chat format, SHA-256 <span "
                 "class=\"mono\">{}</span></p>\n",
                 escape(subject.prompt_text, Breaks::kept),
                 counted(static_cast<int64_t>(plan.spec.prompt.size()), "token"),
                 escape(subject.prompt_sha256));
  markup += "<div class=\"two\"><div>";
  markup += table("Model",
                  joined({{"name", subject.model_name}, {"SHA-256", subject.model_sha256}}, subject.model));
  markup += "</div><div>";
  markup += table("Settings", joined({{"seed", std::to_string(plan.spec.seed)}, {"plan", plan_sha256(plan)}},
                                     subject.settings));
  const std::vector<Arm>& arms = view.audit.arms;
  const bool shared = std::all_of(arms.begin(), arms.end(), [&](const Arm& arm) {
    return arm.facts.environment == arms.front().facts.environment;
  });
  for (const Arm& arm : arms) {
    markup += table(shared ? "Environment" : "Environment of " + escape(arm.name),
                    joined({}, arm.facts.environment));
    if (shared) break;
  }
  return markup + "</div></div>\n";
}

std::string html_limits(const HtmlView& view) {
  std::vector<std::string> items = {escape(view.finding.scope),
                                    "Greedy decoding only. One prompt. Equal answers are not right answers."};
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.agreement) {
      items.push_back(
          fmt::format("{}: the best token is reference&rsquo;s at {} of {} positions with equal prefixes.",
                      view.name(arm), arm.agreement->equal, arm.agreement->positions));
    }
    if (arm.top_ties > 0) {
      items.push_back(fmt::format("{}: at {} of solo the two best logits are equal; the lower id wins.",
                                  view.name(arm), counted(arm.top_ties, "step")));
    }
  }
  items.emplace_back(
      "A rate holds for schedules drawn as this plan draws them, this prompt and this machine. Runs are "
      "plain counts; no "
      "interval is computed over them.");
  if (view.finding.epsilon) {
    items.push_back(
        fmt::format("&epsilon; = {:.4f} is the 99.9th percentile of the change of the gap between the two "
                    "best tokens where "
                    "nothing flipped, over {}.",
                    *view.finding.epsilon, counted(view.finding.epsilon_samples, "step")));
  }
  items.emplace_back(
      "A divergence is put down to an order of additions only where the ledger of launches shows it. This "
      "page shows where "
      "streams part, not why.");
  std::string markup = html_section("Limits", "") + "<ul class=\"limits\">\n";
  for (const std::string& item : items) fmt::format_to(std::back_inserter(markup), "<li>{}</li>\n", item);
  return markup + "</ul>\n";
}

}  // namespace ra
