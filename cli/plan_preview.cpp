#include "cli/plan_preview.h"

#include <fmt/format.h>

#include <map>

namespace ra {
namespace {

// Assumed, and said so: what a current server core and its memory do with bf16 weights.
constexpr double kBytesPerSecond = 20e9;
constexpr double kFlopsPerCore = 60e9;

// Weights of the products, which every row multiplies once.
double product_weights(const ModelShape& s) {
  const double attention = (2.0 * s.heads + 2.0 * s.kv_heads) * s.head_dim * s.hidden;
  return s.layers * (attention + 3.0 * s.ffn * s.hidden) + 1.0 * s.vocab * s.hidden;
}

std::string minutes(double seconds) {
  return seconds < 90 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} min", seconds / 60);
}

}  // namespace

std::string plan_preview(const Plan& plan, const ModelShape& shape, const ArmsSpec& spec) {
  std::map<TrialKind, int> kinds;
  std::map<int32_t, int> sizes;
  for (const Trial& trial : plan.trials) {
    ++kinds[trial.kind];
    ++sizes[trial.batch_size];
  }
  std::string kind_text, size_text;
  for (const auto& [kind, count] : kinds) {
    kind_text += fmt::format("{}{} {}", kind_text.empty() ? "" : ", ", count, name_of(kind));
  }
  for (const auto& [size, count] : sizes) {
    size_text += fmt::format("{}{} ({})", size_text.empty() ? "" : ", ", size, count);
  }
  const PlanExtent need = extent(plan, kPageKeys);
  const MemoryNeed memory = memory_needed(shape, spec);
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  const double weights = product_weights(shape);
  const double arm_seconds =
      static_cast<double>(need.step_total) * weights * 2 / kBytesPerSecond +
      static_cast<double>(need.row_total) * weights * 2 / (kFlopsPerCore * spec.threads);
  const double seconds = arm_seconds * static_cast<double>(plan.spec.arms.size());

  std::string text;
  text += fmt::format("plan:        {} runs of {} tokens in each arm ({}), seed {}\n", plan.spec.runs,
                      plan.spec.max_tokens, fmt::join(plan.spec.arms, ", "), plan.spec.seed);
  text += fmt::format("plan SHA-256 {}\n", plan_sha256(plan));
  text += fmt::format("trials:      {} in each arm: {}\n", plan.trials.size(), kind_text);
  text += fmt::format("batch sizes: {} (trials of each)\n", size_text);
  text += fmt::format("steps:       {} in each arm, {} rows; at most {} rows in a step\n", need.step_total,
                      need.row_total, need.rows);
  text += fmt::format(
      "memory:      {:.0f} MiB (weights {:.0f}, cache {:.0f}, workspace {:.0f}); {:.0f} MiB available\n",
      mib(memory.weights + memory.cache + memory.workspace), mib(memory.weights), mib(memory.cache),
      mib(memory.workspace), mib(memory_available(spec.device)));
  text += fmt::format(
      "time:        about {}, if memory gives {:.0f} GB/s and each of {} threads {:.0f} GFLOP/s; not "
      "measured\n",
      minutes(seconds), kBytesPerSecond / 1e9, spec.threads, kFlopsPerCore / 1e9);
  return text;
}

}  // namespace ra
