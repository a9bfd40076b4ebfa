#include "core/audit/margins.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/audit/statistics.h"

namespace ra {
namespace {

constexpr double kShare = 0.999;
constexpr double kTolerance = 4;  // epsilons
constexpr const char* kReference = "reference";

// Accumulator of token a minus that of b, where both are among the step's two best.
std::optional<double> gap(const StepRecord& step, int32_t a, int32_t b) {
  const double first = step.accumulator[0], second = step.accumulator[1];
  if (step.top[0] == a && step.top[1] == b) return first - second;
  if (step.top[0] == b && step.top[1] == a) return second - first;
  return std::nullopt;
}

class Samples {
 public:
  explicit Samples(const Audit& audit) : audit_(audit) {}

  void add(int32_t reference, int32_t stream) {
    if (reference < 0 || stream < 0 || reference == stream) return;
    if (!seen_.insert({std::min(reference, stream), std::max(reference, stream)}).second) return;
    const Stream& a = audit_.streams[static_cast<size_t>(reference)];
    const Stream& b = audit_.streams[static_cast<size_t>(stream)];
    size_t end = std::min(a.steps.size(), b.steps.size());
    // The step of the first difference itself has an equal prefix; it flipped, so its tops keep it out.
    if (const auto difference = first_difference(a, b))
      end = std::min(end, static_cast<size_t>(*difference) + 1);
    for (size_t i = 0; i < end; ++i) {
      const StepRecord &before = a.steps[i], &after = b.steps[i];
      if (before.digest == after.digest || before.top[0] != after.top[0] || before.top[1] != after.top[1])
        continue;
      const double change =
          *gap(after, after.top[0], after.top[1]) - *gap(before, before.top[0], before.top[1]);
      changes_.push_back(std::abs(change));
    }
  }
  Perturbation result() const {
    if (changes_.empty()) return {};
    return {.epsilon = percentile(changes_, kShare), .samples = static_cast<int64_t>(changes_.size())};
  }

 private:
  const Audit& audit_;
  std::set<std::pair<int32_t, int32_t>> seen_;  // pairs of streams already compared
  std::vector<double> changes_;
};

}  // namespace

Perturbation measure_perturbation(const Audit& audit, const Outcomes& outcomes) {
  Samples samples(audit);
  const auto arms = static_cast<int32_t>(audit.arms.size());
  const auto solo_of = [&](int32_t arm, const PlannedSequence& sequence) {
    const Stream* stream = outcomes.reference(arm, sequence);
    return stream ? static_cast<int32_t>(stream - audit.streams.data()) : -1;
  };
  for (const Trial& trial : audit.plan.trials) {
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      const PlannedSequence& sequence = trial.sequences[i];
      if (sequence.kind == SequenceKind::companion) continue;
      for (int32_t arm = 0; arm < arms; ++arm) {
        samples.add(solo_of(arm, sequence), outcomes.stream_index(arm, trial.id, static_cast<int32_t>(i)));
        if (trial.kind != TrialKind::solo ||
            audit.arms[static_cast<size_t>(arm)].facts.kernel_set == kReference) {
          continue;
        }
        for (int32_t other = 0; other < arm; ++other) {
          if (audit.arms[static_cast<size_t>(other)].facts.kernel_set == kReference) continue;
          samples.add(solo_of(other, sequence), solo_of(arm, sequence));
        }
      }
    }
  }
  return samples.result();
}

void judge_margin(const Stream& solo, const Stream& stream, const Outcomes& outcomes, int32_t reference_arm,
                  std::optional<double> epsilon, Divergence& divergence) {
  const auto position = static_cast<size_t>(divergence.position);
  if (position >= solo.steps.size() || position >= stream.steps.size()) return;
  divergence.solo_gap = gap(solo.steps[position], divergence.solo_token, divergence.token);
  divergence.gap = gap(stream.steps[position], divergence.solo_token, divergence.token);
  if (!divergence.solo_gap || !divergence.gap || !epsilon) return;
  const double slack = kTolerance * *epsilon;
  bool consistent = std::abs(*divergence.solo_gap - *divergence.gap) <= slack;
  const Stream* reference = reference_arm < 0 ? nullptr : outcomes.solo(reference_arm);
  if (reference && reference->steps.size() > position &&
      std::equal(solo.tokens.begin(), solo.tokens.begin() + divergence.position, reference->tokens.begin())) {
    if (const auto middle = gap(reference->steps[position], divergence.solo_token, divergence.token)) {
      const auto [low, high] = std::minmax(*divergence.solo_gap, *divergence.gap);
      consistent = consistent && low - slack <= *middle && *middle <= high + slack;
    }
  }
  divergence.consistent_with_rounding = consistent;
}

}  // namespace ra
