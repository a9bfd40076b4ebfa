#include "kernels/cuda/step_graphs.h"

#include <algorithm>

#include "kernels/cuda/check.h"

namespace ra::cuda {
namespace {

constexpr size_t kMostGraphs = 64;

}  // namespace

void StepGraphs::launch(const Key& key, cudaStream_t stream, const std::function<void()>& run) {
  const auto found =
      std::find_if(graphs_.begin(), graphs_.end(), [&](const Graph& g) { return g.key == key; });
  if (found != graphs_.end()) {
    graphs_.splice(graphs_.begin(), graphs_, found);
    cuda_check(cudaGraphLaunch(found->exec, stream), "a step's graph");
    return;
  }
  if (last_ != key) {
    last_ = key;
    run();
    return;
  }
  cudaGraph_t graph = nullptr;
  cuda_check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "a step's capture");
  try {
    run();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  cuda_check(cudaStreamEndCapture(stream, &graph), "a step's capture");
  Graph captured{key, nullptr};
  const cudaError_t status = cudaGraphInstantiate(&captured.exec, graph, 0);
  cudaGraphDestroy(graph);
  cuda_check(status, "a step's graph");
  if (graphs_.size() == kMostGraphs) {
    cuda_check(cudaStreamSynchronize(stream), "a step");
    cudaGraphExecDestroy(graphs_.back().exec);
    graphs_.pop_back();
  }
  graphs_.push_front(std::move(captured));
  cuda_check(cudaGraphLaunch(graphs_.front().exec, stream), "a step's graph");
}

void StepGraphs::clear() {
  for (Graph& graph : graphs_) cudaGraphExecDestroy(graph.exec);
  graphs_.clear();
  last_ = {};
}

}  // namespace ra::cuda
