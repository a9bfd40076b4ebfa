// The page of a list of prompts: what follows over all, a small chart a figure, then a line a prompt in each arm.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "reports/escape.h"
#include "reports/html_page.h"
#include "reports/prompts_report.h"
#include "reports/series_chart.h"
#include "reports/svg.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kTextBytes = 300;  // of a prompt, where all are listed

struct Figure {
  const char* title;
  const char* about;
  const char* unit;
  std::function<std::optional<double>(const ArmSummary&)> value;
};

const Figure kFigures[] = {
    {"Runs that equal solo", "as a share of the prompt's runs", "%",
     [](const ArmSummary& arm) -> std::optional<double> {
       if (arm.done == 0) return std::nullopt;
       return 100.0 * static_cast<double>(arm.equal_to_solo) / static_cast<double>(arm.done);
     }},
    {"Distinct answers", "different streams among the runs", "",
     [](const ArmSummary& arm) -> std::optional<double> {
       if (arm.done == 0) return std::nullopt;
       return static_cast<double>(arm.distinct_streams);
     }},
    {"First divergence", "token position; no point where no answer parted", "",
     [](const ArmSummary& arm) -> std::optional<double> {
       if (!arm.first_divergence) return std::nullopt;
       return static_cast<double>(*arm.first_divergence);
     }},
};

SeriesChart chart(const PromptSet& set, const Figure& figure) {
  SeriesChart chart{.label = fmt::format("{}, {}, prompt by prompt. ", figure.title, figure.about),
                    .unit = figure.unit,
                    .whole = true,
                    .x_title = "prompt, in the order of the list"};
  for (size_t arm = 0; arm < set.arms.size(); ++arm) {
    chart.names.push_back(set.arms[arm].name);
    std::vector<std::optional<double>>& values = chart.values.emplace_back();
    std::vector<double> there;
    for (const PromptOutcome& prompt : set.prompts) {
      values.push_back(figure.value(prompt.arms[arm]));
      if (values.back()) there.push_back(*values.back());
    }
    if (there.empty()) {
      chart.label += chart.names.back() + " has no value. ";
      continue;
    }
    const auto [low, high] = std::minmax_element(there.begin(), there.end());
    chart.label += fmt::format("{} from {}{} to {}{}. ", chart.names.back(), number(*low), figure.unit,
                               number(*high), figure.unit);
  }
  return chart;
}

std::string badge(int exit_status, bool incomplete) {
  return exit_status == 1 ? html_badge("bad", "Policy not met")
         : incomplete     ? html_badge("notice", "Incomplete")
                          : html_badge("good", "Expectation met");
}

std::string headline(const PromptSet& set) {
  std::string markup = fmt::format("<header>\n<p class=\"scope\">{}</p>\n{}\n", escape(set.scope),
                                   badge(set.exit_status, set.incomplete));
  markup += html_answer(set.verdict.front(), set.control >= 0);
  if (!set.reason.empty()) markup += fmt::format("<p class=\"lead\">{}</p>\n", escape(set.reason));
  // What the arms' sentences say, the first table says.
  for (size_t i = 1 + set.arms.size(); i < set.verdict.size(); ++i)
    markup += fmt::format("<p class=\"lead\">{}</p>\n", escape(set.verdict[i]));
  return markup + fmt::format("<p class=\"subject\"><b>{}</b><br>{}, policy {}</p>\n</header>\n",
                              escape(set.model_name),
                              counted(static_cast<int64_t>(set.prompts.size()), "prompt"),
                              escape(set.policy));
}

std::string over_all(const PromptSet& set) {
  HtmlTable table("All prompts", {{"Arm"},
                                  {"Verdict"},
                                  {"Prompts that differ in logits"},
                                  {"In tokens"},
                                  {"Worst prompt", Cells::wide}});
  for (size_t place = 0; place < set.arms.size(); ++place) {
    const SetArm& arm = set.arms[place];
    table.row({escape(arm.name) + (static_cast<int32_t>(place) == set.control ? " (control)" : ""),
               name_of(arm.verdict), prompt_rate_text(arm.digests), prompt_rate_text(arm.tokens),
               arm.worst ? escape(set.prompts[*arm.worst].name) : "none"});
  }
  return std::move(table).finish();
}

std::string arm_table(const PromptSet& set, size_t place) {
  const std::string& name = set.arms[place].name;
  HtmlTable table("Prompts of " + name, {{"#", Cells::number},
                                         {"Prompt", Cells::wide},
                                         {"Verdict"},
                                         {"Runs equal solo", Cells::number},
                                         {"Streams", Cells::number},
                                         {"Random trials that differ"},
                                         {"First divergence", Cells::number},
                                         {"Tokens/s", Cells::number}});
  for (size_t i = 0; i < set.prompts.size(); ++i) {
    const ArmSummary& arm = set.prompts[i].arms[place];
    table.row({std::to_string(i + 1), escape(set.prompts[i].name), name_of(arm.verdict),
               fmt::format("{} of {}", arm.equal_to_solo, arm.done), std::to_string(arm.distinct_streams),
               compared_text(arm.digests),
               arm.first_divergence ? std::to_string(*arm.first_divergence) : "none",
               fmt::format("{:.1f}", arm.tokens_per_second)});
  }
  return fmt::format("<h3>{}</h3>\n", escape(name)) + std::move(table).finish();
}

std::string prompt_table(const PromptSet& set) {
  HtmlTable table("Prompts", {{"#", Cells::number},
                              {"Prompt", Cells::wide},
                              {"Text", Cells::wide},
                              {"Policy", Cells::wide},
                              {"Audit"}});
  for (size_t i = 0; i < set.prompts.size(); ++i) {
    const PromptOutcome& prompt = set.prompts[i];
    const std::string cut = prompt.prompt_text.size() > kTextBytes ? "..." : "";
    table.row({std::to_string(i + 1), escape(prompt.name),
               escape(prompt.prompt_text.substr(0, kTextBytes)) + cut,
               badge(prompt.exit_status, prompt.incomplete) +
                   (prompt.reason.empty() ? "" : " " + escape(prompt.reason)),
               fmt::format("<span class=\"mono\">{}</span>", escape(prompt.audit))});
  }
  return std::move(table).finish();
}

}  // namespace

std::string prompts_html(const PromptSet& set) {
  std::vector<std::string> names;
  for (const SetArm& arm : set.arms) names.push_back(arm.name);
  std::string page = html_begin("repro-audit: prompts of " + set.model_name) + headline(set) + "<main>\n";
  page +=
      html_section("All prompts",
                   "Y of P prompts differ, with the exact one-sided 95% bound on the rate of such prompts; "
                   "it holds for prompts drawn at random from what one cares about. A prompt is counted "
                   "where its audit is complete, or differs already.");
  page += over_all(set);
  page += html_section("Figures", "Each point is a prompt; the numbers are those of the tables below.");
  page += html_arms_key(names) + "\n<div class=\"two\">\n";
  for (const Figure& figure : kFigures) {
    page += html_figure(fmt::format("{}: {}", figure.title, figure.about), kSeriesWidth, kSeriesNarrow, "",
                        [&](double width) { return series_chart(chart(set, figure), width); });
  }
  page +=
      "</div>\n" + html_section("Each prompt by arm",
                                "Random trials: X of T, with the bound for schedules drawn as this prompt's "
                                "plan draws them; token positions count from 0.");
  for (size_t place = 0; place < set.arms.size(); ++place) page += arm_table(set, place);
  page += html_section("The prompts", "Each audit has a report of its own, by its id.");
  return page + prompt_table(set) + "</main>\n" +
         html_end(
             fmt::format("repro-audit {} &middot; set <span class=\"mono\">{}</span> &middot; begun {}<br>"
                         "model SHA-256 <span class=\"mono\">{}</span><br>list SHA-256 <span "
                         "class=\"mono\">{}</span>",
                         escape(set.tool), escape(set.list.set), escape(set.created),
                         escape(set.model_sha256), escape(set.list.sha256)));
}

}  // namespace ra
