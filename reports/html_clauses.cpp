// Which clauses an audit is evidence relevant to.
#include <fmt/format.h>

#include "reports/escape.h"
#include "reports/html_parts.h"

namespace ra {

std::string html_clauses(const ClauseList& list) {
  std::string markup = html_section(
      "Clauses",
      fmt::format("What of this audit is evidence relevant to which clause, by version {} of the list. "
                  "Relevant to: nothing here says that a system, or whoever provides or deploys it, "
                  "fulfils a clause.",
                  escape(list.version)));
  HtmlTable table(
      "Clauses",
      {{"Clause", Cells::wide}, {"Evidence relevant to it", Cells::wide}, {"In the sections", Cells::wide}});
  for (const Clause& clause : list.clauses) {
    std::string where;
    for (const std::string& section : clause.where) where += (where.empty() ? "" : "<br>") + escape(section);
    table.row({fmt::format("{}<br>{}<br><span class=\"topic\">{}</span>", escape(clause.framework),
                           escape(clause.clause), escape(clause.topic)),
               escape(clause.evidence), where});
  }
  return markup + (table.empty() ? "<p>The list is empty.</p>\n" : std::move(table).finish());
}

}  // namespace ra
