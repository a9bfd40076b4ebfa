// Reports of all prompts of a list, as report.h has them of one audit: pure functions, the same set gives the same bytes.
#pragma once

#include <string>

#include "core/audit/prompt_set.h"

namespace ra {

// man/repro-audit-report.5, LISTS OF PROMPTS.
std::string prompts_json(const PromptSet& set);
// One self-contained HTML file without script or outside reference: figures, then a line a prompt.
std::string prompts_html(const PromptSet& set);
// JUnit XML: a test suite a prompt.
std::string prompts_junit(const PromptSet& set);
std::string prompts_markdown(const PromptSet& set);
std::string prompts_prometheus(const PromptSet& set);
// The terminal's: a line a prompt, then the arms over all, at most `width` columns.
std::string prompts_text(const PromptSet& set, int width, bool color);

}  // namespace ra
