// What two audits compared to: for the terminal, for machines, and as a page. Pure, as report.h.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/audit/comparison.h"

namespace ra {

struct ComparedAudit {
  const Audit& audit;
  std::string name;  // "baseline nightly", "audit latest", a file
};

// The answer in a sentence.
std::string comparison_sentence(const Comparison& found);
// "trial 3 (random, batch size 4), sequence 0, token 17".
std::string parting_place(const Audit& b, const Parting& parting);

// What changed of an operation's kernel choices: the rows, and one of the changes. Points into the arm's.
struct RoleChange {
  const ChoiceChange& example;  // the first
  bool is_alone = true;
  bool sum_order = false;           // of any of them
  std::map<int32_t, int64_t> rows;  // each once
};
std::vector<RoleChange> changes_by_role(const ArmComparison& arm);  // by name

// At most `width` columns; `color` adds SGR codes. Ends with a newline.
std::string text_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found,
                            int width, bool color);
// UTF-8 that is all ASCII, a trailing newline; man/repro-audit-report.5 says what the members mean.
std::string json_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found);
// Both audits in one page like html_report(); the findings are theirs.
std::string html_comparison(const ComparedAudit& a, const Finding& a_finding, const ComparedAudit& b,
                            const Finding& b_finding, const Comparison& found);

}  // namespace ra
