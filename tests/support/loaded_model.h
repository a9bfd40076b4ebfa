// A golden checkpoint on a device, for tests: opened, loaded, with room for the steps that a test plans.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/llm/checkpoint.h"
#include "core/llm/engine.h"
#include "core/subject.h"
#include "kernels/ops.h"

namespace ra {

struct LoadedModel {
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Ops> ops;
  std::vector<KernelSet> sets;
  std::string device;
  Capacity capacity;

  // `path` of a GGUF file or folder; `sets` by name, of one storage.
  LoadedModel(const std::string& path, const std::vector<std::string>& set_names,
              const std::string& device_id = "cpu", int threads = 2);
  void reserve(const Capacity& wanted);
  Engine engine(size_t set, std::vector<int32_t> stop_tokens = {}, int32_t max_rows = 2048);
};

// A run of texts[text], whole prefill, arriving at step `arrival`.
PlannedSequence planned_run(const std::vector<std::vector<int32_t>>& texts, int32_t text, int32_t steps,
                            int32_t arrival = 0);

}  // namespace ra
