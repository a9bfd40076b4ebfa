// The trend as a page: a small chart a figure, a line an arm, then the numbers.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

#include "reports/escape.h"
#include "reports/html_page.h"
#include "reports/svg.h"
#include "reports/trend.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr double kWidth = 420, kNarrow = 320, kHeight = 212;  // pixels

// One figure: its value in an arm of an audit, if there is one.
struct Series {
  const char* title;
  const char* unit;
  const char* about;
  bool whole;  // ticks at whole numbers alone
  std::function<std::optional<double>(const TrendArm&)> value;
};

const Series kSeries[] = {
    {"Distinct answers", "", "different streams among the runs", true,
     [](const TrendArm& arm) -> std::optional<double> {
       if (arm.done == 0) return std::nullopt;
       return static_cast<double>(arm.distinct_streams);
     }},
    {"Random trials that differ in logits", "%", "X of T, as a share", true,
     [](const TrendArm& arm) -> std::optional<double> {
       if (arm.digests.trials == 0) return std::nullopt;
       return 100.0 * static_cast<double>(arm.digests.differing) / static_cast<double>(arm.digests.trials);
     }},
    {"First divergence", "", "token position; no point where no answer parted", true,
     [](const TrendArm& arm) -> std::optional<double> {
       if (!arm.first_divergence) return std::nullopt;
       return static_cast<double>(*arm.first_divergence);
     }},
    {"Speed", "", "tokens/s over all trials", false,
     [](const TrendArm& arm) -> std::optional<double> {
       if (arm.tokens_per_second <= 0) return std::nullopt;
       return arm.tokens_per_second;
     }},
};

std::optional<double> value_in(const TrendEntry& entry, const std::string& arm, const Series& series) {
  const TrendArm* found = arm_named(entry, arm);
  return found == nullptr ? std::nullopt : series.value(*found);
}

std::string chart(const Trend& trend, const Series& series, double width) {
  const std::vector<std::string> names = arm_names(trend);
  double largest = 1;
  std::string label = fmt::format("{} ({}), audit by audit. ", series.title, series.about);
  for (const std::string& name : names) {
    for (const TrendEntry& entry : trend.entries)
      largest = std::max(largest, value_in(entry, name, series).value_or(0));
    const std::optional<double> value = value_in(trend.entries.back(), name, series);
    label += value ? fmt::format("{} ends at {}{}. ", name, number(*value), series.unit)
                   : fmt::format("{} ends without a value. ", name);
  }
  const double bottom = kHeight - 46;
  const std::vector<double> values = ticks(largest, 4, series.whole);
  const Scale y{0, values.back(), bottom, 12};
  const Scale x{1, static_cast<double>(std::max<size_t>(2, trend.entries.size())), 48, width - 12};
  Svg svg(width, kHeight, label);
  y_axis(svg, y, x.low, x.high, values, series.unit);
  for (size_t a = 0; a < names.size(); ++a) {
    const std::string color = arm_color(a);
    std::string commands;
    bool broken = true;
    std::vector<std::pair<double, double>> points;
    for (size_t i = 0; i < trend.entries.size(); ++i) {
      const std::optional<double> value = value_in(trend.entries[i], names[a], series);
      if (!value) {
        broken = true;
        continue;
      }
      const double at = x.at(static_cast<double>(i + 1));
      fmt::format_to(std::back_inserter(commands), "{}{} {}", broken ? "M" : "L", number(at),
                     number(y.at(*value)));
      broken = false;
      points.emplace_back(at, *value);
    }
    if (points.empty()) continue;
    svg.path(commands, "arm " + color);
    for (const auto& [at, value] : points) {
      svg.circle(at, y.at(value), 3, "dot " + color,
                 fmt::format("{}: {}{}", names[a], number(value), series.unit));
    }
  }
  x_axis(svg, x, bottom, width < 400 ? 5 : 8, "audit, the oldest first");
  return std::move(svg).finish();
}

std::string arms_key(const std::vector<std::string>& names) {
  std::vector<std::string> escaped;
  for (const std::string& name : names) escaped.push_back(escape(name));
  return html_arms_key(escaped) + "\n";
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
    const TrendArm* arm = arm_named(entry, name);
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
  page += arms_key(names) + "<div class=\"two\">\n";
  for (const Series& series : kSeries) {
    page += html_figure(fmt::format("{}: {}", series.title, series.about), kWidth, kNarrow, "",
                        [&](double width) { return chart(trend, series, width); });
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
