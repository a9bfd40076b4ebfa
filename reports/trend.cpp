#include "reports/trend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/audit/set_place.h"
#include "core/printable.h"
#include "reports/escape.h"
#include "reports/words.h"

namespace ra {
namespace {

using Object = nlohmann::ordered_json;

// Settings that say where things lay or what was expected, not what ran.
bool is_condition(const std::string& setting) {
  return setting != "model" && setting != "companions" && setting != "profile" &&
         setting.rfind("policy", 0) != 0 && !is_set_fact(setting);
}

Object arm_json(const ArmSummary& arm) {
  Object first = nullptr;
  if (arm.first_divergence) first = *arm.first_divergence;
  return {{"name", arm.name},
          {"verdict", name_of(arm.verdict)},
          {"runs", {{"planned", arm.planned}, {"done", arm.done}}},
          {"distinct_streams", arm.distinct_streams},
          {"random_trials",
           {{"differing", arm.digests.differing},
            {"trials", arm.digests.trials},
            {"upper95", std::round(arm.digests.upper95 * 1e6) / 1e6}}},
          {"first_divergence", std::move(first)},
          {"tokens_per_second", std::round(arm.tokens_per_second * 1e3) / 1e3}};
}

}  // namespace

TrendEntry trend_entry(const Audit& audit, const Finding& finding) {
  TrendEntry entry{.id = audit.id,
                   .created = audit.created,
                   .tool = audit.tool,
                   .exit_status = finding.exit_status,
                   .conditions = {{"tool", audit.tool}}};
  for (const auto& [name, value] : audit.subject.settings) {
    if (is_condition(name)) entry.conditions["settings " + name] = value;
  }
  for (const ArmFinding& found : finding.arms) {
    const Arm& arm = audit.arms[static_cast<size_t>(found.arm)];
    for (const auto& [name, value] : arm.facts.environment)
      entry.conditions[fmt::format("environment {} ({})", name, arm.name)] = value;
    entry.arms.push_back(summarize(audit, found));
  }
  return entry;
}

std::vector<std::string> changes(const Trend& trend, size_t entry) {
  std::vector<std::string> names;
  if (entry == 0) return names;
  const auto& before = trend.entries.at(entry - 1).conditions;
  const auto& now = trend.entries.at(entry).conditions;
  for (const auto& [name, value] : now) {
    const auto was = before.find(name);
    if (was == before.end() || was->second != value) names.push_back(name);
  }
  for (const auto& [name, value] : before) {
    if (!now.contains(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> arm_names(const Trend& trend) {
  std::vector<std::string> names;
  for (const TrendEntry& entry : trend.entries) {
    for (const ArmSummary& arm : entry.arms) {
      if (std::find(names.begin(), names.end(), arm.name) == names.end()) names.push_back(arm.name);
    }
  }
  return names;
}

const ArmSummary* arm_named(const TrendEntry& entry, const std::string& name) {
  const auto found = std::find_if(entry.arms.begin(), entry.arms.end(),
                                  [&](const ArmSummary& arm) { return arm.name == name; });
  return found == entry.arms.end() ? nullptr : &*found;
}

std::string trend_text(const Trend& trend) {
  std::string text =
      fmt::format("{}, \"{}\": {}\n", printable(trend.model_name, 60), printable(trend.prompt_text, 60),
                  counted(static_cast<int64_t>(trend.entries.size()), "audit"));
  for (const std::string& name : arm_names(trend)) {
    text += fmt::format("\n{}\n{:<20}  {:<16} {:>9} {:>8} {:>9} {:>6} {:>8}\n", printable(name), "audit",
                        "verdict", "runs", "distinct", "differ", "first", "tokens/s");
    for (const TrendEntry& entry : trend.entries) {
      const ArmSummary* arm = arm_named(entry, name);
      if (arm == nullptr) continue;
      text += fmt::format(
          "{:<20}  {:<16} {:>9} {:>8} {:>9} {:>6} {:>8.1f}\n", entry.id, name_of(arm->verdict),
          arm->done == arm->planned ? fmt::format("{}", arm->done)
                                    : fmt::format("{}/{}", arm->done, arm->planned),
          arm->distinct_streams, fmt::format("{}/{}", arm->digests.differing, arm->digests.trials),
          arm->first_divergence ? fmt::format("{}", *arm->first_divergence) : "none", arm->tokens_per_second);
    }
  }
  std::string changed;
  for (size_t i = 1; i < trend.entries.size(); ++i) {
    const std::vector<std::string> names = changes(trend, i);
    if (!names.empty()) {
      changed += fmt::format("{}  {}\n", trend.entries[i].id,
                             printable(fmt::format("{}", fmt::join(names, ", ")), 400));
    }
  }
  if (!changed.empty()) text += "\nnot as in the audit before\n" + changed;
  return text;
}

std::string trend_json(const Trend& trend) {
  Object audits = Object::array();
  for (size_t i = 0; i < trend.entries.size(); ++i) {
    const TrendEntry& entry = trend.entries[i];
    Object arms = Object::array();
    for (const ArmSummary& arm : entry.arms) arms.push_back(arm_json(arm));
    Object changed = Object::array();
    for (const std::string& name : changes(trend, i)) changed.push_back(repair_utf8(name));
    audits.push_back({{"id", entry.id},
                      {"created", entry.created},
                      {"tool", entry.tool},
                      {"exit_status", entry.exit_status},
                      {"changed", std::move(changed)},
                      {"arms", std::move(arms)}});
  }
  const Object json = {{"model", repair_utf8(trend.model_name)},
                       {"model_sha256", trend.model_sha256},
                       {"prompt", repair_utf8(trend.prompt_text)},
                       {"prompt_sha256", trend.prompt_sha256},
                       {"audits", std::move(audits)}};
  return json.dump(2, ' ', true) + "\n";
}

}  // namespace ra
