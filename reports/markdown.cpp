// Markdown as GitHub and GitLab show it in a job's summary: the verdict, a table of the arms, the rules of the policy.
#include <fmt/format.h>

#include "reports/escape.h"
#include "reports/report.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kPieceBytes = 60;

// Inert: markup characters as entities, Markdown's own behind a backslash, and nothing that becomes a link or a mention by
// itself.
std::string inert(std::string_view bytes) {
  std::string text;
  for (const char c : escape(bytes)) {
    if (std::string_view("\\`*_[]~$").find(c) != std::string_view::npos) text += '\\';
    if (c == '|') {
      text += "&#124;";  // a cell ends at a bar, also within code
    } else if (c == ':') {
      text += "&#58;";
    } else if (c == '@') {
      text += "&#64;";
    } else if (c == '.' && text.ends_with("www")) {
      text += "&#46;";
    } else {
      text += c;
    }
  }
  return text;
}

std::string token(const Audit& audit, int32_t id) {
  if (id < 0) return "the end";
  const std::string piece = piece_of(audit, id).substr(0, kPieceBytes);
  return fmt::format("<code>{}</code> ({})", inert(piece), id);
}

std::string arm_row(const Audit& audit, const Finding& finding, const ArmFinding& arm) {
  std::string first = "none";
  if (arm.first_divergence) {
    first = fmt::format("token {}: {}; solo has {}", arm.first_divergence->position,
                        token(audit, arm.first_divergence->token),
                        token(audit, arm.first_divergence->solo_token));
  }
  return fmt::format("| {}{} | **{}** | {} of {} | {} | {} | {} | {:.0f} |\n",
                     inert(audit.arms[static_cast<size_t>(arm.arm)].name),
                     arm.arm == finding.control ? " (control)" : "", name_of(arm.verdict), arm.equal_to_solo,
                     arm.done, arm.distinct_streams, first, rate_text(arm.digests), arm.tokens_per_second);
}

}  // namespace

std::string markdown_report(const Audit& audit, const Finding& finding) {
  std::string text = fmt::format("### {}\n\n{}\n\n", escape(finding.verdict.front()), escape(finding.scope));
  text += fmt::format("{}, prompt \"{}\", policy {}: exit status {}{}\n\n", inert(audit.subject.model_name),
                      inert(audit.subject.prompt_text.substr(0, 200)), inert(finding.policy),
                      finding.exit_status, finding.reason.empty() ? "" : ", " + inert(finding.reason));
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
      text += fmt::format("| {} | {} | {} | {} | {} |\n", inert(rule.rule),
                          rule.arm < 0 ? "all" : inert(audit.arms[static_cast<size_t>(rule.arm)].name),
                          inert(rule.expected), inert(rule.found), name_of(rule.state));
    }
  }
  return text + fmt::format("\naudit `{}`, begun {}, repro-audit {}\n", audit.id, escape(audit.created),
                            escape(audit.tool));
}

}  // namespace ra
