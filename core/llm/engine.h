// The engine: runs trials on a device with a kernel set. One Engine is one arm; arms of one storage share an
// Ops, and with it weights and cache.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/llm/certify.h"
#include "core/subject.h"
#include "kernels/ops.h"

namespace ra {

struct EngineOptions {
  std::vector<int32_t> stop_tokens;  // ids that end a run; empty to ignore them
  int32_t max_rows = 2048;           // rows in a step, as in the plan
  Capacity capacity;                 // what `ops` has reserved
};

class Engine : public Subject {
 public:
  // `ops` has its weights loaded and `options.capacity` reserved, and outlives the engine.
  Engine(Ops& ops, std::string device, KernelSet set, EngineOptions options, Certificate certificate);

  SubjectFacts facts() const override;
  TrialResult run(const Trial& trial, const std::vector<std::vector<int32_t>>& texts,
                  const std::atomic<bool>& stop) override;

 private:
  Ops& ops_;
  std::string device_;
  KernelSet set_;
  EngineOptions options_;
  Certificate certificate_;
};

}  // namespace ra
