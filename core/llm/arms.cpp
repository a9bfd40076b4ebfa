#include "core/llm/arms.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/llm/cache_file.h"
#include "core/llm/model.h"

namespace ra {
namespace {

constexpr const char* kTimingsTitle = "repro-audit kernel timings 1";

// Kernel sets by what they store: those of one storage share weights and cache.
std::vector<std::vector<KernelSet>> by_storage(const ArmsSpec& spec) {
  std::vector<std::vector<KernelSet>> groups;
  for (const std::string& name : spec.kernel_sets) {
    KernelSet set = find_kernel_set(spec.device, name);
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& sets) { return sets.front().storage == set.storage; });
    if (group == groups.end()) {
      groups.push_back({std::move(set)});
    } else {
      group->push_back(std::move(set));
    }
  }
  return groups;
}

std::string in_mib(uint64_t bytes) {
  return fmt::format("{} MiB", (bytes >> 20) + (bytes % (1 << 20) != 0));
}

}  // namespace

MemoryNeed memory_needed(const ModelShape& shape, const ArmsSpec& spec) {
  MemoryNeed total;
  for (const std::vector<KernelSet>& sets : by_storage(spec)) {
    const MemoryNeed need = memory_need(spec.device, shape, sets, spec.capacity);
    total.weights += need.weights;
    total.cache += need.cache;
    total.workspace += need.workspace;
  }
  return total;
}

Arms Arms::open(const Checkpoint& checkpoint, const ArmsSpec& spec,
                const std::function<void(const std::string&)>& on_stage) {
  const MemoryNeed need = memory_needed(checkpoint.shape(), spec);
  const uint64_t bytes = need.weights + need.cache + need.workspace;
  if (const uint64_t available = memory_available(spec.device); bytes > available) {
    throw Error(Exit::device,
                fmt::format("{}: needs {} of memory, {} are available; expected enough for weights, cache "
                            "and workspace (a smaller model, or smaller --batch-sizes)",
                            checkpoint.name(), in_mib(bytes), in_mib(available)));
  }
  Arms arms;
  std::vector<std::pair<std::string, std::unique_ptr<Engine>>> opened;
  for (const std::vector<KernelSet>& sets : by_storage(spec)) {
    on_stage("loading weights");
    std::unique_ptr<Ops> ops = open_ops(spec.device, checkpoint.shape(), sets, spec.threads);
    load_weights(checkpoint, *ops);
    ops->set_fp32_logits(spec.fp32_logits);
    const std::string known_timings = read_cache_file(spec.timings_file, kTimingsTitle);
    ops->take_timings(known_timings);
    std::vector<Certificate> certificates;
    for (const KernelSet& set : sets) {
      on_stage("certifying " + set.name);
      certificates.push_back(certify(*ops, set));
    }
    ops->reserve(spec.capacity);
    on_stage("making room for the plan's batches");
    for (const KernelSet& set : sets) ops->prepare(set);
    if (const std::string timings = ops->timings(); timings != known_timings)
      write_cache_file(spec.timings_file, kTimingsTitle, timings);
    const EngineOptions options{
        .stop_tokens = spec.stop_tokens, .max_rows = spec.max_rows, .capacity = spec.capacity};
    for (size_t i = 0; i < sets.size(); ++i) {
      opened.emplace_back(sets[i].name, std::make_unique<Engine>(*ops, spec.device, sets[i], options,
                                                                 std::move(certificates[i])));
    }
    arms.ops_.push_back(std::move(ops));
  }
  for (const std::string& name : spec.kernel_sets) {
    const auto engine =
        std::find_if(opened.begin(), opened.end(), [&](const auto& it) { return it.first == name; });
    arms.engines_.push_back(std::move(engine->second));
  }
  return arms;
}

std::vector<Subject*> Arms::subjects() const {
  std::vector<Subject*> subjects;
  for (const std::unique_ptr<Engine>& engine : engines_) subjects.push_back(engine.get());
  return subjects;
}

}  // namespace ra
