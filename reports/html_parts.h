// The sections of the HTML report. Each returns markup; every string of the audit in it went through escape().
#pragma once

#include <string>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"
#include "reports/charts.h"
#include "reports/html_page.h"

namespace ra {

// What all sections look at.
struct HtmlView {
  HtmlView(const Audit& the_audit, const Finding& the_finding)
      : audit(the_audit), finding(the_finding), names(the_audit, the_finding) {}

  const Audit& audit;
  const Finding& finding;
  const StreamNames names;

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

}  // namespace ra
