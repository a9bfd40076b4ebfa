// The trend as a page: a small chart a figure, a line an arm, then the numbers.
#include <fmt/format.h>

#include <functional>

#include "reports/escape.h"
#include "reports/html_page.h"
#include "reports/series_chart.h"
#include "reports/svg.h"
#include "reports/trend.h"
#include "reports/words.h"

namespace ra {
namespace {

// One figure: its value in an arm of an audit, if there is one.
struct Series {
  const char* title;
  const char* unit;
  const char* about;
  bool whole;  // ticks at whole numbers alone
  std::function<std::optional<double>(const ArmSummary&)> value;
};

const Series kSeries[] = {
    {"Distinct answers", "", "different streams among the runs", true,
     [](const ArmSummary& arm) -> std::optional<double> {
       if (arm.done == 0) return std::nullopt;
       return static_cast<double>(arm.distinct_streams);
     }},
    {"Random trials that differ in logits", "%", "X of T, as a share", true,
     [](const ArmSummary& arm) -> std::optional<double> {
       if (arm.digests.trials == 0) return std::nullopt;
       return 100.0 * static_cast<double>(arm.digests.differing) / static_cast<double>(arm.digests.trials);
     }},
    {"First divergence", "", "token position; no point where no answer parted", true,
     [](const ArmSummary& arm) -> std::optional<double> {
       if (!arm.first_divergence) return std::nullopt;
       return static_cast<double>(*arm.first_divergence);
     }},
    {"Speed", "", "tokens/s over all trials", false,
     [](const ArmSummary& arm) -> std::optional<double> {
       if (arm.tokens_per_second <= 0) return std::nullopt;
       return arm.tokens_per_second;
     }},
};

std::optional<double> value_in(const TrendEntry& entry, const std::string& arm, const Series& series) {
  const ArmSummary* found = arm_named(entry, arm);
  return found == nullptr ? std::nullopt : series.value(*found);
}

SeriesChart chart(const Trend& trend, const Series& series) {
  SeriesChart chart{.label = fmt::format("{} ({}), audit by audit. ", series.title, series.about),
                    .unit = series.unit,
                    .whole = series.whole,
                    .joined = true,
                    .x_title = "audit, the oldest first",
                    .names = arm_names(trend)};
  for (const std::string& name : chart.names) {
    std::vector<std::optional<double>>& values = chart.values.emplace_back();
    for (const TrendEntry& entry : trend.entries) values.push_back(value_in(entry, name, series));
    chart.label += values.back() ? fmt::format("{} ends at {}{}. ", name, number(*values.back()), series.unit)
                                 : fmt::format("{} ends without a value. ", name);
  }
  return chart;
}

std::string arm_table(const Trend& trend, const std::string& name) {
  HtmlTable table("Audits of " + name, {{"#", Cells::number},
                                        {"Audit"},
                                        {"Begun"},
                                        {"Verdict"},
                                        {"Runs", Cells::number},
                                        {"Distinct", Cells::number},
                                        {"Random trials that differ"},
                                        {"First divergence", Cells::number},
                                        {"Tokens/s", Cells::number}});
  for (size_t i = 0; i < trend.entries.size(); ++i) {
    const TrendEntry& entry = trend.entries[i];
    const ArmSummary* arm = arm_named(entry, name);
    if (arm == nullptr) continue;
    table.row({std::to_string(i + 1), escape(entry.id), escape(entry.created), name_of(arm->verdict),
               fmt::format("{} of {}", arm->done, arm->planned), std::to_string(arm->distinct_streams),
               compared_text(arm->digests),
               arm->first_divergence ? std::to_string(*arm->first_divergence) : "none",
               fmt::format("{:.1f}", arm->tokens_per_second)});
  }
  return fmt::format("<h3>{}</h3>\n", escape(name)) + std::move(table).finish();
}

std::string change_table(const Trend& trend) {
  HtmlTable table("What changed",
                  {{"#", Cells::number}, {"What", Cells::wide}, {"Was", Cells::wide}, {"Is", Cells::wide}});
  for (size_t i = 1; i < trend.entries.size(); ++i) {
    for (const std::string& name : changes(trend, i)) {
      const auto value = [&](size_t entry) {
        const auto& conditions = trend.entries[entry].conditions;
        const auto found = conditions.find(name);
        return found == conditions.end() ? "absent" : escape(found->second);
      };
      table.row({std::to_string(i + 1), escape(name), value(i - 1), value(i)});
    }
  }
  if (table.empty()) return "<p class=\"about\">Tool, settings and environment were the same in all.</p>\n";
  return std::move(table).finish();
}

}  // namespace

std::string trend_html(const Trend& trend) {
  const std::vector<std::string> names = arm_names(trend);
  std::string page = html_begin("repro-audit trend: " + trend.model_name);
  page += fmt::format(
      "<header>\n<h1>{} of one model and prompt</h1>\n<p "
      "class=\"subject\"><b>{}</b><br><q>{}</q></p>\n</header>\n"
      "<main>\n",
      counted(static_cast<int64_t>(trend.entries.size()), "audit"), escape(trend.model_name),
      escape(trend.prompt_text, Breaks::kept));
  page += html_section("Figures",
                       "Each point is an audit, in the order in which they were begun; the numbers are "
                       "those of the tables below. An audit with other settings is not the same "
                       "measurement: see what changed.");
  page += html_arms_key(names) + "\n<div class=\"two\">\n";
  for (const Series& series : kSeries) {
    page += html_figure(fmt::format("{}: {}", series.title, series.about), kSeriesWidth, kSeriesNarrow, "",
                        [&](double width) { return series_chart(chart(trend, series), width); });
  }
  page += "</div>\n" + html_section("The numbers",
                                    "Random trials: X of T, with the exact one-sided 95% bound on the "
                                    "rate of such trials; token positions count from 0.");
  for (const std::string& name : names) page += arm_table(trend, name);
  page += html_section("What changed", "What is not as in the audit before, which may explain a step.");
  return page + change_table(trend) + "</main>\n" +
         html_end(fmt::format(
             "model SHA-256 <span class=\"mono\">{}</span><br>prompt SHA-256 <span class=\"mono\">{}</span>",
             escape(trend.model_sha256), escape(trend.prompt_sha256)));
}

}  // namespace ra
