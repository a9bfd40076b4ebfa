// What the audit reached, and what of the program it exercised there.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kChoices = 3;        // of an operation, the most frequent
constexpr size_t kChoiceBytes = 160;  // of one choice's text

int64_t sum(const std::map<int32_t, int64_t>& counts) {
  int64_t all = 0;
  for (const auto& [key, count] : counts) all += count;
  return all;
}

std::string contexts(const Audit& audit) {
  int32_t longest = 0;
  for (const Trial& trial : audit.plan.trials) {
    for (const PlannedSequence& sequence : trial.sequences)
      longest = std::max(longest, sequence.prompt_length + sequence.steps);
  }
  std::set<int32_t> probes;
  for (const Probe& probe : audit.plan.probes) probes.insert(probe.context);
  const auto prompt = static_cast<int64_t>(audit.plan.spec.prompt.size());
  std::string text = fmt::format("runs {} to {}; probes at ", prompt, prompt + audit.plan.spec.max_tokens);
  text += probes.empty() ? "none" : fmt::format("{}", fmt::join(probes, ", "));
  return text + fmt::format("; the longest sequence {}", longest);
}

std::string strata(const Audit& audit) {
  std::string text;
  for (const Stratum stratum : audit.plan.spec.strata) {
    const auto trials = std::count_if(
        audit.plan.trials.begin(), audit.plan.trials.end(),
        [&](const Trial& trial) { return trial.kind != TrialKind::solo && trial.stratum == stratum; });
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", name_of(stratum), counted(trials, "trial"));
  }
  return text;
}

std::string reached(const HtmlView& view) {
  std::vector<Column> columns = {{"What"}};
  for (const ArmFinding& arm : view.finding.arms) columns.push_back({view.name(arm), Cells::wide});
  HtmlTable table("What was reached", columns);
  const auto row = [&](const char* what, const auto& value) {
    std::vector<std::string> cells = {what};
    for (const ArmFinding& arm : view.finding.arms) cells.push_back(value(arm));
    table.row(cells);
  };
  row("Launches", [](const ArmFinding& arm) { return std::to_string(sum(arm.launches_by_rows)); });
  row("Rows in a launch", [](const ArmFinding& arm) { return brief_ranges(arm.launches_by_rows); });
  row("Sequences in a launch",
      [](const ArmFinding& arm) { return brief_ranges(arm.launches_by_logit_rows); });
  row("Probes compared", [](const ArmFinding& arm) { return std::to_string(arm.probes); });
  return std::move(table).finish() +
         fmt::format(
             "<p class=\"about below\">Planned for both: context lengths of {}. What varied: {}.</p>\n",
             contexts(view.audit), strata(view.audit));
}

std::string operations(const HtmlView& view) {
  HtmlTable table("Operations", {{"Operation"}, {"State"}, {"Why", Cells::wide}});
  for (const OperationFinding& operation : view.finding.operations) {
    const char* tone = operation.state == OperationState::challenged      ? "good"
                       : operation.state == OperationState::not_exercised ? "notice"
                                                                          : "plain";
    table.row({escape(operation.role), html_badge(tone, name_of(operation.state)), escape(operation.detail)});
  }
  return table.empty() ? "" : std::move(table).finish();
}

// Role -> (choice -> launches), of an arm.
std::map<std::string, std::map<std::string, int64_t>> choices_of(const Audit& audit, int32_t arm) {
  std::map<int32_t, int64_t> launches;  // by choice set
  for (const Attempt& attempt : audit.attempts) {
    if (attempt.arm != arm) continue;
    for (const LaunchRecord& launch : attempt.launches) ++launches[launch.choice_set];
  }
  std::map<std::string, std::map<std::string, int64_t>> choices;
  for (const auto& [set, count] : launches) {
    for (const ChoiceRecord& record : audit.choice_sets.at(static_cast<size_t>(set)))
      choices[record.role][record.choice] += count;
  }
  return choices;
}

std::string kernel_choices(const HtmlView& view) {
  HtmlTable table("Kernel choices", {{"Operation"},
                                     {"Arm"},
                                     {"Choices", Cells::number},
                                     {"The most frequent, with their launches", Cells::wide}});
  for (const ArmFinding& arm : view.finding.arms) {
    for (const auto& [role, counts] : choices_of(view.audit, arm.arm)) {
      std::vector<std::pair<std::string, int64_t>> sorted(counts.begin(), counts.end());
      std::stable_sort(sorted.begin(), sorted.end(),
                       [](const auto& a, const auto& b) { return a.second > b.second; });
      std::string text;
      for (size_t i = 0; i < std::min(sorted.size(), kChoices); ++i) {
        const auto& [choice, launches] = sorted[i];
        text += fmt::format("{}{}{}: {}", i == 0 ? "" : "<br>", escape(choice.substr(0, kChoiceBytes)),
                            choice.size() > kChoiceBytes ? "&hellip;" : "", launches);
      }
      table.row({escape(role), view.name(arm), std::to_string(sorted.size()), text});
    }
  }
  return std::move(table).finish_below("Kernel choices", view.folds);
}

}  // namespace

std::string html_coverage(const HtmlView& view) {
  std::string markup = html_section("Coverage",
                                    "A clean arm means something where the control was <em>challenged</em>: "
                                    "it ran the operation in several orders of "
                                    "addition, and their results from one input differed. "
                                    "<em>Exercised</em>: the number of rows varied, the results "
                                    "did not.");
  return markup + reached(view) + operations(view) + kernel_choices(view);
}

}  // namespace ra
