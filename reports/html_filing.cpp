// The report for filing: its cover, and how its sections follow each other on paper.
#include "reports/html_filing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "core/printable.h"
#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kShownPrompt = 300;  // bytes of the prompt on the cover

// What the margins of every printed page say; browsers without margin boxes leave them empty.
std::string page_margins(const Audit& audit, const Finding& finding, const FilingDetails& details) {
  return fmt::format(
      R"css(
.cover dl {{ grid-template-columns: minmax(9em, max-content) 1fr; }} .cover td {{ height: 2.6em; }}
ol.methods {{ padding-left: 1.3rem; max-width: 48em; }} ol.methods li {{ margin: .4rem 0; }} .topic {{ font-weight: 400; }}
@media print {{
  @page {{ size: A4; margin: 20mm 15mm 18mm;
    @top-left {{ content: {}; font: 7.5pt system-ui, sans-serif; color: #444; width: 100%; }}
    @bottom-left {{ content: {}; font: 7.5pt system-ui, sans-serif; color: #444; white-space: pre; }}
    @bottom-right {{ content: "page " counter(page) " of " counter(pages); font: 7.5pt system-ui, sans-serif; color: #444; }} }}
  .cover .scope {{ border: 0; padding: 0; }} .new-page {{ break-before: page; }} }}
)css",
      css_string(printable(finding.scope, 300)),
      css_string(fmt::format("repro-audit {}, audit {}: {}", printable(audit.tool), printable(audit.id),
                             details.key_id ? "signed" : "UNSIGNED")));
}

// Devices of the arms with what they are: "cuda:0, NVIDIA H100".
std::string machines(const Audit& audit) {
  std::set<std::string> seen;
  std::string text;
  for (const Arm& arm : audit.arms) {
    std::string machine = escape(arm.facts.device);
    for (const char* name : {"gpu", "processor"}) {
      const auto found = arm.facts.environment.find(name);
      if (found != arm.facts.environment.end()) machine += ", " + escape(found->second);
    }
    if (seen.insert(machine).second) text += (text.empty() ? "" : "<br>") + machine;
  }
  return text;
}

std::string dates(const Audit& audit) {
  std::string text = "begun " + escape(audit.created);
  for (size_t i = 1; i < audit.segments.size(); ++i) text += ", resumed " + escape(audit.segments[i].started);
  return text;
}

std::string policy(const Finding& finding) {
  const auto unmet = std::count_if(finding.rules.begin(), finding.rules.end(),
                                   [](const RuleOutcome& rule) { return rule.state != RuleState::met; });
  return fmt::format("<b>{}</b>: {} of {} met{}{}", escape(finding.policy),
                     static_cast<int64_t>(finding.rules.size()) - unmet,
                     counted(static_cast<int64_t>(finding.rules.size()), "rule"),
                     finding.reason.empty() ? "" : "; ", escape(finding.reason));
}

std::string signature(const FilingDetails& details) {
  if (!details.key_id)
    return "<b>Unsigned.</b> No key vouches for who made this report, or that it is as it was made.";
  return fmt::format(
      "Signed with the bundle that it belongs to, by the key with the id<br><span "
      "class=\"mono\">{}</span><br>"
      "Check the signature with the public key that its owner gave you; a key that came with the bundle "
      "shows nothing.",
      escape(*details.key_id));
}

std::string responsible(const FilingDetails& details) {
  if (details.responsible.empty()) return "<p>Nobody was named.</p>\n";
  HtmlTable table("Responsible persons",
                  {{"Name", Cells::wide}, {"Role", Cells::wide}, {"Date and signature"}});
  for (const ResponsiblePerson& person : details.responsible)
    table.row({escape(person.name), escape(person.role), ""});
  return std::move(table).finish();
}

std::string cover(const HtmlView& view, const FilingDetails& details) {
  const Audit& audit = view.audit;
  const AuditSubject& subject = audit.subject;
  std::string markup = html_headline(view) + "<dl>";
  const auto row = [&markup](const char* term, const std::string& text) {
    fmt::format_to(std::back_inserter(markup), "<dt>{}</dt><dd>{}</dd>\n", term, text);
  };
  const auto hash = [](const std::string& value) {
    return fmt::format("<span class=\"mono\">{}</span>", escape(value));
  };
  row("System tested",
      fmt::format("the engine of repro-audit {} on {}", escape(audit.tool), machines(audit)));
  row("Model", fmt::format("{}<br>SHA-256 {}", escape(subject.model_name), hash(subject.model_sha256)));
  row("Prompt", fmt::format("SHA-256 {}", hash(subject.prompt_sha256)));
  row("Audit", hash(audit.id));
  row("Date", dates(audit));
  for (const ArmFinding& arm : view.finding.arms) {
    row(("Verdict on " + view.name(arm)).c_str(),
        fmt::format("<b>{}</b>; {} of {} equal solo; random trials that differ: {} in logits",
                    name_of(arm.verdict), arm.equal_to_solo, counted(arm.done, "run"),
                    compared_text(arm.digests)));
  }
  row("Policy", policy(view.finding));
  row("Signature", signature(details));
  if (!details.run_chain_head.empty()) {
    row("Run records",
        fmt::format("chained by SHA-256; the last is {}<br>Note it elsewhere: a record that is "
                    "changed, added or removed later gives another.",
                    hash(details.run_chain_head)));
  }
  return markup +
         "</dl>\n<p class=\"about below\">Hashes and signatures show that records are as they were made, not "
         "that "
         "what they record took place: somebody else who runs the audit again shows that.</p>\n" +
         html_section("Responsible persons", "") + responsible(details);
}

}  // namespace

std::string filing_report(const Audit& audit, const Finding& finding, const FilingDetails& details) {
  const HtmlView view(audit, finding, Folds::open);
  return html_begin("repro-audit report for filing: " + audit.subject.model_name,
                    page_margins(audit, finding, details)) +
         "<header class=\"cover\">\n" + cover(view, details) + "</header>\n<main>\n" + html_limits(view) +
         "<div class=\"new-page\">\n" + html_results(view) + "</div>\n<div class=\"new-page\">\n" +
         html_methods(view) + html_definitions() + "</div>\n<div class=\"new-page\">\n" +
         html_clauses(details.clauses) + "</div>\n</main>\n" + html_audit_end(audit);
}

}  // namespace ra
