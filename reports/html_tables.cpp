// The sections that are tables and lists.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <sstream>
#include <utility>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

// A name that may be broken behind its underscores and dots.
std::string breakable(const std::string& name) {
  std::string markup;
  for (const char c : escape(name)) {
    markup += c;
    if (c == '_' || c == '.') markup += "<wbr>";
  }
  return markup;
}

// A list of numbers as ranges; any other value as it is.
std::string brief(const std::string& value) {
  if (value.find(',') == value.npos || value.find_first_not_of("0123456789,") != value.npos) return value;
  std::map<int32_t, int64_t> numbers;
  std::istringstream parts(value);
  for (std::string part; std::getline(parts, part, ',');) {
    int32_t number = 0;
    const char* end = part.data() + part.size();
    if (std::from_chars(part.data(), end, number).ptr != end) return value;
    numbers[number] = 1;
  }
  return ranges(numbers);
}

std::string table(const std::string& title, const Rows& rows) {
  HtmlTable made(title, {{escape(title), Cells::wide}, {"Value", Cells::wide}});
  for (const auto& [key, value] : rows) made.row({breakable(key), escape(brief(value))});
  return std::move(made).finish();
}

Rows joined(Rows first, const std::map<std::string, std::string>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

// What all arms have alike, then what they do not, an arm a column.
std::string environments(const HtmlView& view) {
  const std::vector<Arm>& arms = view.audit.arms;
  std::map<std::string, std::vector<std::string>> fields;  // name -> its value in each arm
  for (size_t i = 0; i < arms.size(); ++i) {
    for (const auto& [name, value] : arms[i].facts.environment)
      fields.try_emplace(name, arms.size(), "absent").first->second[i] = value;
  }
  std::vector<Column> columns = {{"Environment", Cells::wide}};
  for (const Arm& arm : arms) columns.push_back({escape(arm.name), Cells::wide});
  HtmlTable unlike("Environment of each arm", columns);
  Rows alike;
  for (const auto& [name, values] : fields) {
    if (std::equal(values.begin() + 1, values.end(), values.begin())) {
      alike.emplace_back(name, values.front());
      continue;
    }
    std::vector<std::string> cells = {breakable(name)};
    for (const std::string& value : values) cells.push_back(escape(value));
    unlike.row(cells);
  }
  return (alike.empty() ? "" : table("Environment", alike)) +
         (unlike.empty() ? "" : std::move(unlike).finish());
}

std::string failures(const HtmlView& view) {
  HtmlTable table(
      "Failed trials",
      {{"Arm"}, {"Trial", Cells::number}, {"Batch size", Cells::number}, {"Reason", Cells::wide}});
  for (const ArmFinding& arm : view.finding.arms) {
    for (const int32_t index : arm.failures) {
      const Attempt& attempt = view.audit.attempts[static_cast<size_t>(index)];
      const Trial& trial = view.audit.plan.trials[static_cast<size_t>(attempt.trial)];
      table.row({view.name(arm), std::to_string(attempt.trial), std::to_string(trial.batch_size),
                 escape(attempt.failure)});
    }
  }
  return table.empty() ? "" : "<h3>Failed trials</h3>\n" + std::move(table).finish();
}

}  // namespace

std::string HtmlView::name(const ArmFinding& arm) const {
  return escape(facts(arm).name);
}

std::string HtmlView::token(int32_t id) const {
  if (id < 0) return "the end";
  return fmt::format("<span class=\"token\">{}</span>", escape(shown_piece(audit, id)));
}

std::string html_trials(const HtmlView& view) {
  std::string markup = html_section("Random trials",
                                    "Runs of one trial share launches, so the unit of every rate is the "
                                    "trial: distinct schedules, drawn at random. The bound is the "
                                    "exact one-sided 95% Clopper-Pearson one, for schedules drawn as this "
                                    "plan draws them, this prompt, this machine.");
  HtmlTable table("Random trials", {{"Arm"}, {"Stratum"}, {"Unlike in logits"}, {"Unlike in tokens"}});
  std::string pairs;
  for (const ArmFinding& arm : view.finding.arms) {
    for (const StratumFinding& at : arm.strata)
      table.row({view.name(arm), name_of(at.stratum), compared_text(at.digests), compared_text(at.tokens)});
    if (arm.strata.size() != 1)
      table.row({view.name(arm), "all together", compared_text(arm.digests), compared_text(arm.tokens)});
    if (arm.pairs == 0) continue;
    fmt::format_to(std::back_inserter(pairs), "<br>{}: {} ({} of {}).", view.name(arm),
                   percent(static_cast<double>(arm.unlike_pairs) / static_cast<double>(arm.pairs)),
                   arm.unlike_pairs, arm.pairs);
  }
  markup += std::move(table).finish();
  if (!pairs.empty())
    markup += fmt::format(
        "<p class=\"about below\">Pairs of runs from different trials that are unlike:{}</p>\n", pairs);
  return markup + failures(view);
}

std::string html_policy(const HtmlView& view) {
  const Finding& finding = view.finding;
  if (finding.rules.empty()) return "";
  std::string markup = html_section(
      "Policy", "What exit status 0 needs, by the policy <b>" + escape(finding.policy) + "</b>.");
  HtmlTable table("Rules of the policy", {{"Arm"}, {"Rule"}, {"Expected"}, {"Found"}, {"State"}});
  for (const RuleOutcome& rule : finding.rules) {
    const char* tone = rule.state == RuleState::met     ? "good"
                       : rule.state == RuleState::unmet ? "bad"
                                                        : "notice";
    table.row({rule.arm < 0 ? "all" : view.name(finding.arms[static_cast<size_t>(rule.arm)]),
               escape(rule.rule), escape(rule.expected), escape(rule.found),
               html_badge(tone, name_of(rule.state))});
  }
  return markup + std::move(table).finish();
}

std::string html_subject(const HtmlView& view) {
  const AuditSubject& subject = view.audit.subject;
  const Plan& plan = view.audit.plan;
  std::string markup = html_section("Model, prompt and environment", "");
  fmt::format_to(std::back_inserter(markup),
                 "<pre>{}</pre>\n<p class=\"about\">{} with the chat format, SHA-256 <span "
                 "class=\"mono\">{}</span></p>\n",
                 escape(subject.prompt_text, Breaks::kept),
                 counted(static_cast<int64_t>(plan.spec.prompt.size()), "token"),
                 escape(subject.prompt_sha256));
  markup += "<div class=\"two\"><div>";
  markup += table("Model",
                  joined({{"name", subject.model_name}, {"SHA-256", subject.model_sha256}}, subject.model));
  markup += "</div><div>";
  Rows plan_rows = {{"plan", plan_sha256(plan)}};
  if (!subject.settings.contains("seed")) plan_rows.emplace_back("seed", std::to_string(plan.spec.seed));
  return markup + table("Settings", joined(plan_rows, subject.settings)) + "</div></div>\n" +
         environments(view);
}

std::string html_limits(const HtmlView& view) {
  std::vector<std::string> items = {escape(view.finding.scope),
                                    "Greedy decoding only. One prompt. Equal answers are not right answers."};
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.agreement) {
      items.push_back(
          fmt::format("{}: the best token is reference&rsquo;s at {} of {} positions with equal prefixes.",
                      view.name(arm), arm.agreement->equal, arm.agreement->positions));
    }
    if (arm.top_ties > 0) {
      items.push_back(fmt::format("{}: at {} of solo the two best logits are equal; the lower id wins.",
                                  view.name(arm), counted(arm.top_ties, "step")));
    }
  }
  items.emplace_back(
      "A rate holds for schedules drawn as this plan draws them, this prompt and this machine. Runs are "
      "plain counts; no "
      "interval is computed over them.");
  if (view.finding.epsilon) {
    items.push_back(
        fmt::format("&epsilon; = {:.4f} is the 99.9th percentile of the change of the gap between the two "
                    "best tokens where "
                    "nothing flipped, over {}.",
                    *view.finding.epsilon, counted(view.finding.epsilon_samples, "step")));
  }
  items.emplace_back(
      "A divergence is put down to an order of additions only where the ledger of launches shows it. This "
      "page shows where "
      "streams part, not why.");
  std::string markup = html_section("Limits", "") + "<ul class=\"limits\">\n";
  for (const std::string& item : items) fmt::format_to(std::back_inserter(markup), "<li>{}</li>\n", item);
  return markup + "</ul>\n";
}

}  // namespace ra
