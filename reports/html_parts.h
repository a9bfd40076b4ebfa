// The sections of the HTML report. Each returns markup; every string of the audit in it went through escape().
#pragma once

#include <string>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"
#include "reports/charts.h"
#include "reports/html_filing.h"
#include "reports/html_page.h"

namespace ra {

// What all sections look at.
struct HtmlView {
  HtmlView(const Audit& the_audit, const Finding& the_finding, Folds the_folds = Folds::closed)
      : audit(the_audit), finding(the_finding), names(the_audit, the_finding), folds(the_folds) {}
  // Beside another audit's, with one letter for one stream.
  HtmlView(const HtmlView& other, const Audit& the_audit, const Finding& the_finding)
      : audit(the_audit),
        finding(the_finding),
        names(other.names, the_audit, the_finding),
        folds(other.folds) {}

  const Audit& audit;
  const Finding& finding;
  const StreamNames names;
  const Folds folds;  // of the tables behind the drawings

  const Arm& facts(const ArmFinding& arm) const { return audit.arms[static_cast<size_t>(arm.arm)]; }
  const Stream& stream(int32_t index) const { return audit.streams[static_cast<size_t>(index)]; }
  std::string name(const ArmFinding& arm) const;  // escaped
  std::string token(int32_t id) const;            // as a pill, or "the end"
};

std::string html_arms(const HtmlView& view);     // both arms side by side
std::string html_parting(const HtmlView& view);  // how the streams part
std::string html_gaps(const HtmlView& view);     // the two best tokens along solo
std::string html_texts(const HtmlView& view);    // around the first divergence
std::string html_batch_sizes(const HtmlView& view);
std::string html_speed(const HtmlView& view);
std::string html_trials(const HtmlView& view);    // rates with their bounds, failures
std::string html_coverage(const HtmlView& view);  // what was reached, the operations, their kernel choices
std::string html_policy(const HtmlView& view);    // its rules
std::string html_subject(const HtmlView& view);   // model, prompt, settings, environment
std::string html_limits(const HtmlView& view);
std::string html_definitions();
std::string html_methods(const HtmlView& view);
std::string html_clauses(const ClauseList& list);

// One arm's figures.
std::string html_arm_card(const HtmlView& view, const ArmFinding& arm);
// What two streams say around `position`: together before it, then each by itself with its token there marked.
struct ForkSide {
  const HtmlView& view;
  int32_t stream = 0;
  std::string label;  // markup
};
std::string html_fork(const std::string& style, const ForkSide& from, const ForkSide& to, size_t position);

// The scope, the verdict and what it rests on, model and prompt.
std::string html_headline(const HtmlView& view);
// All sections from the arms to the environment.
std::string html_results(const HtmlView& view);
// The page's footer: tool, audit, when it was begun.
std::string html_audit_end(const Audit& audit);

}  // namespace ra
