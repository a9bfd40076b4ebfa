#include "tests/support/loaded_model.h"

#include "core/llm/model.h"

namespace ra {

LoadedModel::LoadedModel(const std::string& path, const std::vector<std::string>& set_names,
                         const std::string& device_id, int threads)
    : checkpoint(std::make_unique<Checkpoint>(Checkpoint::open(path))), device(device_id) {
  for (const std::string& name : set_names) sets.push_back(find_kernel_set(device, name));
  ops = open_ops(device, checkpoint->shape(), sets, threads);
  load_weights(*checkpoint, *ops);
  reserve({.rows = 2048, .logit_rows = 128, .slots = 128, .pages = 256});
}

void LoadedModel::reserve(const Capacity& wanted) {
  capacity = wanted;
  ops->reserve(capacity);
}

Engine LoadedModel::engine(size_t set, std::vector<int32_t> stop_tokens, int32_t max_rows) {
  return Engine(*ops, device, sets.at(set),
                {.stop_tokens = std::move(stop_tokens), .max_rows = max_rows, .capacity = capacity}, {});
}

PlannedSequence planned_run(const std::vector<std::vector<int32_t>>& texts, int32_t text, int32_t steps,
                            int32_t arrival) {
  return {.kind = SequenceKind::run,
          .index = text,
          .text = text,
          .prompt_length = static_cast<int32_t>(texts.at(static_cast<size_t>(text)).size()),
          .steps = steps,
          .arrival = arrival};
}

}  // namespace ra
