// The person's report: one file, no script, nothing from outside.
#include <fmt/format.h>

#include <utility>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/report.h"
#include "reports/words.h"

namespace ra {
namespace {

std::string badge(const Finding& finding) {
  const auto [tone, text] = finding.exit_status == 1 ? std::pair("bad", "Policy not met")
                            : finding.incomplete     ? std::pair("notice", "Incomplete")
                            : finding.control < 0    ? std::pair("notice", "No control")
                            : finding.challenge == Challenge::none
                                ? std::pair("notice", "The control did not fire")
                                : std::pair("good", "Expectation met");
  return html_badge(tone, text) + "\n";
}

}  // namespace

std::string html_headline(const HtmlView& view) {
  const Finding& finding = view.finding;
  std::string markup = fmt::format("<p class=\"scope\">{}</p>\n{}", escape(finding.scope), badge(finding));
  markup += html_answer(finding.verdict.front(), finding.control >= 0);
  // What the arms' sentences say, their cards say.
  for (size_t i = 1 + finding.arms.size(); i < finding.verdict.size(); ++i) {
    markup += fmt::format("<p class=\"lead\">{}</p>\n", escape(finding.verdict[i]));
  }
  const AuditSubject& subject = view.audit.subject;
  return markup +
         fmt::format(
             "<p class=\"subject\"><b>{}</b><br><q>{}</q><br>Temperature 0, {} of up to {} in each arm</p>\n",
             escape(subject.model_name), escape(subject.prompt_text, Breaks::kept),
             counted(view.audit.plan.spec.runs, "run"), counted(view.audit.plan.spec.max_tokens, "token"));
}

std::string html_audit_end(const Audit& audit) {
  return html_end(fmt::format(
      "repro-audit {} &middot; audit <span class=\"mono\">{}</span> &middot; begun {} &middot; {}",
      escape(audit.tool), escape(audit.id), escape(audit.created),
      counted(static_cast<int64_t>(audit.segments.size()), "segment")));
}

std::string html_results(const HtmlView& view) {
  std::string markup = html_arms(view);
  markup += html_parting(view);
  markup += html_gaps(view);
  markup += html_texts(view);
  markup += html_batch_sizes(view);
  markup += html_trials(view);
  markup += html_coverage(view);
  markup += html_speed(view);
  markup += html_policy(view);
  return markup + html_subject(view);
}

std::string html_report(const Audit& audit, const Finding& finding) {
  const HtmlView view(audit, finding);
  return html_begin("repro-audit: " + audit.subject.model_name) + "<header>\n" + html_headline(view) +
         "</header>\n<main>\n" + html_results(view) + html_limits(view) + html_definitions() + "</main>\n" +
         html_audit_end(audit);
}

}  // namespace ra
