// The arms of an audit on one device: an engine for each kernel set, over one Ops (weights and cache) for each storage.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/llm/checkpoint.h"
#include "core/llm/engine.h"

namespace ra {

struct ArmsSpec {
  std::string device;
  std::vector<std::string> kernel_sets;  // an arm each, in order
  int threads = 0;
  bool fp32_logits = false;
  std::vector<int32_t> stop_tokens;  // ids that end a run
  int32_t max_rows = 0;              // rows in a step, as in the plan
  Capacity capacity;                 // what the plan's trials need
  std::string timings_file;  // where timings of kernels are kept from one process to the next; empty: nowhere
};

// Bytes that the arms will take, all storages together.
MemoryNeed memory_needed(const ModelShape& shape, const ArmsSpec& spec);

class Arms {
 public:
  // Loads the weights, certifies every kernel set, makes room for the spec's capacity and prepares steps of it. `on_stage` is told what begins.
  // Error(device), before anything is loaded, if the memory is not there.
  static Arms open(const Checkpoint& checkpoint, const ArmsSpec& spec,
                   const std::function<void(const std::string&)>& on_stage);

  std::vector<Subject*> subjects() const;  // in the order of the kernel sets; they live as long as this

 private:
  std::vector<std::unique_ptr<Ops>> ops_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace ra
