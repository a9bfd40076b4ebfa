#include "cli/plan_preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/devices.h"

namespace ra {
namespace {

// What a device does with bf16 weights, assumed, and said so.
struct DeviceSpeed {
  double bytes_per_second = 0;
  double flops = 0;
  double seconds_a_layer = 0;  // of a step, whatever its rows: launches that hide nothing
};

// A current server core and its memory; an H100 as tests/bench/README.md has measured it.
DeviceSpeed assumed_speed(const ArmsSpec& spec) {
  constexpr double kCpuBytesPerSecond = 20e9, kFlopsPerCore = 60e9;
  constexpr double kGpuBytesPerSecond = 2.7e12, kGpuFlops = 600e12, kGpuSecondsALayer = 40e-6;
  if (is_gpu(spec.device)) return {kGpuBytesPerSecond, kGpuFlops, kGpuSecondsALayer};
  return {kCpuBytesPerSecond, kFlopsPerCore * std::max(1, spec.threads), 0};
}

// Weights of the products, which every row multiplies once.
double product_weights(const ModelShape& s) {
  const double attention = (2.0 * s.heads + 2.0 * s.kv_heads) * s.head_dim * s.hidden;
  return s.layers * (attention + 3.0 * s.ffn * s.hidden) + 1.0 * s.vocab * s.hidden;
}

// Seconds of an arm's steps: weights are read while rows are multiplied, keys and values besides.
double step_seconds(const Plan& plan, const ModelShape& shape, const DeviceSpeed& speed) {
  const double weights = product_weights(shape);
  const double key_bytes = 2.0 * 2 * shape.layers * shape.kv_heads * shape.head_dim;  // K and V of a position
  double seconds = 0;
  for (const Trial& trial : plan.trials) {
    for (const ScheduledStep& step : schedule(trial, plan.spec.max_rows)) {
      double rows = 0, positions = 0;
      for (const ScheduledSlice& slice : step) {
        rows += slice.rows;
        positions += slice.position + slice.rows;
      }
      seconds += std::max(weights * 2 / speed.bytes_per_second, rows * weights * 2 / speed.flops) +
                 positions * key_bytes / speed.bytes_per_second + shape.layers * speed.seconds_a_layer;
    }
  }
  return seconds;
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
  const DeviceSpeed speed = assumed_speed(spec);
  const double seconds = step_seconds(plan, shape, speed) * static_cast<double>(plan.spec.arms.size());

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
      "time:        about {}, if memory gives {:.0f} GB/s and the device {:.0f} GFLOP/s; not measured\n",
      minutes(seconds), speed.bytes_per_second / 1e9, speed.flops / 1e9);
  return text;
}

}  // namespace ra
