// Markdown as GitHub and GitLab show it in a job's summary: the verdict, a table of the arms, the rules of the policy.
#include <fmt/format.h>

#include <algorithm>

#include "reports/escape.h"
#include "reports/prompts_report.h"
#include "reports/report.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kPieceBytes = 60;
constexpr size_t kMostBytes = 900'000;  // GitHub shows a summary of at most 1 MiB

std::string token(const Audit& audit, int32_t id) {
  if (id < 0) return "the end";
  const std::string piece = piece_of(audit, id).substr(0, kPieceBytes);
  return fmt::format("<code>{}</code> ({})", escape_markdown(piece), id);
}

std::string arm_row(const Audit& audit, const Finding& finding, const ArmFinding& arm) {
  std::string first = "none";
  if (arm.first_divergence) {
    first = fmt::format("token {}: {}; solo has {}", arm.first_divergence->position,
                        token(audit, arm.first_divergence->token),
                        token(audit, arm.first_divergence->solo_token));
  }
  return fmt::format("| {}{} | **{}** | {} of {} | {} | {} | {} | {:.0f} |\n",
                     escape_markdown(audit.arms[static_cast<size_t>(arm.arm)].name),
                     arm.arm == finding.control ? " (control)" : "", name_of(arm.verdict), arm.equal_to_solo,
                     arm.done, arm.distinct_streams, first, rate_text(arm.digests), arm.tokens_per_second);
}

}  // namespace

std::string markdown_report(const Audit& audit, const Finding& finding) {
  std::string text = fmt::format("### {}\n\n{}\n\n", escape(finding.verdict.front()), escape(finding.scope));
  text += fmt::format(
      "{}, prompt \"{}\", policy {}: exit status {}{}\n\n", escape_markdown(audit.subject.model_name),
      escape_markdown(audit.subject.prompt_text.substr(0, 200)), escape_markdown(finding.policy),
      finding.exit_status, finding.reason.empty() ? "" : ", " + escape_markdown(finding.reason));
  text +=
      "| arm | verdict | runs equal solo | streams | first divergence | random trials that differ | tokens/s "
      "|\n"
      "|---|---|---|---|---|---|---|\n";
  for (const ArmFinding& arm : finding.arms) text += arm_row(audit, finding, arm);
  text += "\n";
  // What the arms' sentences say, the table says.
  for (size_t i = 1 + finding.arms.size(); i < finding.verdict.size(); ++i)
    text += "- " + escape(finding.verdict[i]) + "\n";
  if (!finding.rules.empty()) {
    text += "\n| rule | arm | expected | found | state |\n|---|---|---|---|---|\n";
    for (const RuleOutcome& rule : finding.rules) {
      text +=
          fmt::format("| {} | {} | {} | {} | {} |\n", escape_markdown(rule.rule),
                      rule.arm < 0 ? "all" : escape_markdown(audit.arms[static_cast<size_t>(rule.arm)].name),
                      escape_markdown(rule.expected), escape_markdown(rule.found), name_of(rule.state));
    }
  }
  return text + fmt::format("\naudit `{}`, begun {}, repro-audit {}\n", audit.id, escape(audit.created),
                            escape(audit.tool));
}

std::string prompts_markdown(const PromptSet& set) {
  std::string text = fmt::format("### {}\n\n{}\n\n", escape_markdown(set.verdict.front()), escape(set.scope));
  text +=
      fmt::format("{}, {}, policy {}: exit status {}{}\n\n", escape_markdown(set.model_name),
                  counted(static_cast<int64_t>(set.prompts.size()), "prompt"), escape_markdown(set.policy),
                  set.exit_status, set.reason.empty() ? "" : ", " + escape_markdown(set.reason));
  text +=
      "| arm | verdict | prompts that differ in logits | in tokens | worst prompt |\n|---|---|---|---|---|\n";
  for (size_t place = 0; place < set.arms.size(); ++place) {
    const SetArm& arm = set.arms[place];
    text += fmt::format("| {}{} | **{}** | {} | {} | {} |\n", escape_markdown(arm.name),
                        static_cast<int32_t>(place) == set.control ? " (control)" : "", name_of(arm.verdict),
                        prompt_rate_text(arm.digests), prompt_rate_text(arm.tokens),
                        arm.worst ? escape_markdown(set.prompts[*arm.worst].name) : "none");
  }
  text += "\n";
  for (size_t i = 1 + set.arms.size(); i < set.verdict.size(); ++i)
    text += "- " + escape_markdown(set.verdict[i]) + "\n";
  text += "\n| prompt | exit status |";
  std::string line = "|---|---|";
  for (const SetArm& arm : set.arms) {
    text += fmt::format(" {} |", escape_markdown(arm.name));
    line += "---|";
  }
  text += "\n" + line + "\n";
  // The worst first, where a job's summary has no room for all.
  std::vector<const PromptOutcome*> prompts;
  for (const PromptOutcome& prompt : set.prompts) prompts.push_back(&prompt);
  std::stable_partition(prompts.begin(), prompts.end(),
                        [](const PromptOutcome* prompt) { return prompt->exit_status != 0; });
  for (const PromptOutcome* prompt : prompts) {
    if (text.size() > kMostBytes) break;
    text += fmt::format("| {} | {} |", escape_markdown(prompt->name), prompt->exit_status);
    for (const ArmSummary& arm : prompt->arms) {
      text += fmt::format(" {}, {} of {} runs equal solo, {} |", name_of(arm.verdict), arm.equal_to_solo,
                          arm.done, counted(arm.distinct_streams, "stream"));
    }
    text += "\n";
  }
  if (text.size() > kMostBytes) text += "\nThe other prompts are in the JSON report.\n";
  return text + fmt::format("\nset `{}`, begun {}, repro-audit {}\n", set.list.set, escape(set.created),
                            escape(set.tool));
}

}  // namespace ra
