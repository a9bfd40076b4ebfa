// How the audit was made, for a reader who was not there: the plan, the comparison, the statistics, the verdict.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

int64_t trials_of(const Plan& plan, TrialKind kind) {
  return std::count_if(plan.trials.begin(), plan.trials.end(),
                       [kind](const Trial& trial) { return trial.kind == kind; });
}

std::string plan_item(const Audit& audit) {
  const PlanSpec& spec = audit.plan.spec;
  const auto [low, high] = std::minmax_element(spec.batch_sizes.begin(), spec.batch_sizes.end());
  return fmt::format(
      "<b>Plan.</b> Every batch is drawn from the seed {} before the first one runs, and each arm gets the "
      "same: {} "
      "at batch sizes from {} to {} as edges, {}, and {} of those once more as repeats; besides them the "
      "prompt "
      "alone and {} alone. Its SHA-256 is <span class=\"mono\">{}</span>.",
      spec.seed, counted(trials_of(audit.plan, TrialKind::edge), "trial"), *low, *high,
      counted(trials_of(audit.plan, TrialKind::random), "random trial"),
      trials_of(audit.plan, TrialKind::repeat),
      counted(static_cast<int64_t>(audit.plan.probes.size()), "probe"), plan_sha256(audit.plan));
}

}  // namespace

std::string html_methods(const HtmlView& view) {
  std::vector<std::string> items = {plan_item(view.audit)};
  items.emplace_back(
      "<b>Control and treatment.</b> The arms hold the same weights in one process and take turns trial by "
      "trial, in an order drawn from the seed. The control multiplies as production stacks do, with the "
      "choices of the "
      "vendor&rsquo;s library for each number of rows. Where it does not differ, an arm without differences "
      "shows "
      "little.");
  items.emplace_back(
      "<b>Runs.</b> Each run generates by itself, always the token with the largest logit, until a stop "
      "token or "
      "the planned length. What else is in its batch has tokens that the plan gives, whatever the kernels "
      "say.");
  items.emplace_back(
      "<b>Comparison.</b> Each run is compared with solo of its arm: the tokens, and a digest of every row "
      "of "
      "logits up to and including the first token that differs, never after it. The number of rows of every "
      "launch is recorded and must equal the plan&rsquo;s.");
  items.emplace_back(
      "<b>Statistics.</b> Runs of one trial share launches and are not independent, so they are only "
      "counted. The "
      "unit of a rate is the random trial: X of T distinct ones differ, with the exact one-sided 95% "
      "Clopper-Pearson bound. It holds for schedules drawn as this plan draws them, this prompt and this "
      "machine.");
  items.emplace_back(
      "<b>Variation by itself.</b> Repeats start later from an empty cache. Where one differs from its "
      "original, "
      "nothing of that arm is put down to the batch.");
  items.emplace_back(
      "<b>Cause.</b> Where a stream parts, the change of the gap between the two tokens is compared with how "
      "much "
      "such gaps change where nothing flips. A divergence is put down to an order of additions only where "
      "the "
      "ledger of launches shows another kernel choice with equal inputs.");
  items.emplace_back(
      "<b>Records.</b> A trial is stored whole or not at all, before the next one begins. Streams carry "
      "SHA-256 over "
      "their token ids, and each record of a run holds the SHA-256 of the one before. A failed trial is "
      "recorded "
      "and belongs to no group of streams.");
  std::string markup = html_section("Methods", "") + "<ol class=\"methods\">\n";
  for (const std::string& item : items) fmt::format_to(std::back_inserter(markup), "<li>{}</li>\n", item);
  return markup + "</ol>\n";
}

}  // namespace ra
