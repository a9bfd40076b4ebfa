#include "cli/plan_preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/devices.h"
#include "core/audit/phrases.h"
#include "core/audit/set_place.h"
#include "core/printable.h"

namespace ra {
namespace {

// What a device does with bf16 weights, assumed, and said so.
struct DeviceSpeed {
  double bytes_per_second = 0;
  double flops = 0;
  double seconds_a_layer = 0;   // of a step, whatever its rows: launches that hide nothing
  double seconds_a_row = 0;     // that the host needs and the device does not hide
  double seconds_to_start = 0;  // until the first trial
};

// A current server core and its memory; an H100 as tests/bench/README.md has measured it.
DeviceSpeed assumed_speed(const ArmsSpec& spec) {
  constexpr double kCpuBytesPerSecond = 20e9, kFlopsPerCore = 60e9;
  constexpr double kGpuBytesPerSecond = 2.7e12, kGpuFlops = 600e12, kGpuSecondsALayer = 40e-6,
                   kGpuSecondsARow = 1e-6, kGpuSecondsToStart = 4;
  if (is_gpu(spec.device))
    return {kGpuBytesPerSecond, kGpuFlops, kGpuSecondsALayer, kGpuSecondsARow, kGpuSecondsToStart};
  return {kCpuBytesPerSecond, kFlopsPerCore * std::max(1, spec.threads)};
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
                 positions * key_bytes / speed.bytes_per_second + shape.layers * speed.seconds_a_layer +
                 rows * speed.seconds_a_row;
    }
  }
  return seconds;
}

std::string minutes(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{:.{}f} min", seconds / 60, seconds < 600 ? 1 : 0);
}

std::string memory_line(const ModelShape& shape, const ArmsSpec& spec) {
  const MemoryNeed memory = memory_needed(shape, spec);
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); };
  return fmt::format(
      "memory:      {:.0f} MiB (weights {:.0f}, cache {:.0f}, workspace {:.0f}); {:.0f} MiB available\n",
      mib(memory.weights + memory.cache + memory.workspace), mib(memory.weights), mib(memory.cache),
      mib(memory.workspace), mib(memory_available(spec.device)));
}

std::string time_line(double seconds, const DeviceSpeed& speed) {
  return fmt::format(
      "time:        about {}, if memory gives {:.0f} GB/s and the device {:.0f} GFLOP/s; not measured\n",
      minutes(speed.seconds_to_start + seconds), speed.bytes_per_second / 1e9, speed.flops / 1e9);
}

// The runs that each arm has of each prompt.
std::string runs_text(const Plan& plan) {
  return fmt::format("{} runs of {} tokens in each arm ({})", plan.spec.runs, plan.spec.max_tokens,
                     fmt::join(plan.spec.arms, ", "));
}

std::string preview_of_one(const Plan& plan, const ModelShape& shape, const ArmsSpec& spec) {
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
  const DeviceSpeed speed = assumed_speed(spec);

  std::string text;
  text += fmt::format("plan:        {}, seed {}\n", runs_text(plan), plan.spec.seed);
  text += fmt::format("plan SHA-256 {}\n", plan_sha256(plan));
  text += fmt::format("trials:      {} in each arm: {}\n", plan.trials.size(), kind_text);
  text += fmt::format("batch sizes: {} (trials of each)\n", size_text);
  text += fmt::format("steps:       {} in each arm, {} rows; at most {} rows in a step\n", need.step_total,
                      need.row_total, need.rows);
  return text + memory_line(shape, spec) +
         time_line(step_seconds(plan, shape, speed) * static_cast<double>(plan.spec.arms.size()), speed);
}

std::string preview_of_list(size_t count, const std::function<Audit(size_t)>& audit_at,
                            const ModelShape& shape, const ArmsSpec& spec) {
  const DeviceSpeed speed = assumed_speed(spec);
  std::string lines, plan;
  int64_t trials = 0, steps = 0, rows = 0;
  double seconds = 0;
  for (size_t place = 0; place < count; ++place) {
    const Audit audit = audit_at(place);
    const PlanExtent need = extent(audit.plan, kPageKeys);
    const double time =
        step_seconds(audit.plan, shape, speed) * static_cast<double>(audit.plan.spec.arms.size());
    const std::optional<SetPlace> of = set_place(audit.subject.settings);
    lines += fmt::format("  {:<24} {:>6} {:>7} {:>10} {:>11}  {:>8}\n", printable(of ? of->name : "", 24),
                         audit.plan.spec.prompt.size(), audit.plan.trials.size(), need.step_total,
                         need.row_total, minutes(time));
    if (place == 0) plan = runs_text(audit.plan);
    trials += static_cast<int64_t>(audit.plan.trials.size());
    steps += need.step_total;
    rows += need.row_total;
    seconds += time;
  }
  return fmt::format("plan:        {}, {}, a seed each\n", counted(static_cast<int64_t>(count), "prompt"),
                     plan) +
         fmt::format("  {:<24} {:>6} {:>7} {:>10} {:>11}  {:>8}\n", "prompt", "tokens", "trials", "steps",
                     "rows", "time") +
         lines +
         fmt::format("  {:<24} {:>6} {:>7} {:>10} {:>11}  in each arm\n", "all", "", trials, steps, rows) +
         memory_line(shape, spec) + time_line(seconds, speed);
}

}  // namespace

std::string plan_preview(size_t count, const std::function<Audit(size_t)>& audit_at, const ModelShape& shape,
                         const ArmsSpec& spec) {
  const Audit first = audit_at(0);
  if (count == 1 && !set_place(first.subject.settings)) return preview_of_one(first.plan, shape, spec);
  return preview_of_list(count, audit_at, shape, spec);
}

}  // namespace ra
