// Captured steps. A graph is captured the second time in a row that the same operations run over as many rows, and kept
// while it is among the last used.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "kernels/kernel_choice.h"

namespace ra::cuda {

struct Operation {
  Role role = Role::embed;
  int layer = 0;
  bool operator==(const Operation&) const = default;
};
using Program = std::vector<Operation>;

class StepGraphs {
 public:
  // What a graph is good for.
  struct Key {
    int rows = 0;         // compared first: it tells most steps apart
    std::string kernels;  // the texts of the choices that a launch depends on
    Program program;
    bool operator==(const Key&) const = default;
  };
  StepGraphs() = default;
  ~StepGraphs() { clear(); }
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  // Runs the operations on `stream`: by `run`, or by a graph of what it queues.
  void launch(const Key& key, cudaStream_t stream, const std::function<void()>& run);
  void clear();

 private:
  struct Graph {
    Key key;
    cudaGraphExec_t exec = nullptr;
  };
  Key last_;
  std::list<Graph> graphs_;  // the last used first
};

}  // namespace ra::cuda
