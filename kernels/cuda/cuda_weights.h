// A model's weights on a GPU: bf16, matrices [n, k] as the library multiplies them. All kernel sets share them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/kernels.h"
#include "kernels/ops.h"
#include "kernels/thread_pool.h"

namespace ra::cuda {

class CudaWeights {
 public:
  // Dummy weights are made on the launch's stream; steps on it come after them.
  CudaWeights(const ModelShape& shape, const Launch& launch, int threads);
  ~CudaWeights();

  void load(Role role, int layer, const Parts& parts);

  // qkv, o, gate_up, down, lm_head (the embedding where they are tied), embed: [n, k]. Error(bug) if it was not loaded.
  const uint16_t* matrix(Role role, int layer) const;
  // The same of all layers; one of lm_head.
  const std::vector<const uint16_t*>& matrices(Role role) const {
    return matrices_[static_cast<size_t>(role)];
  }
  // [n] bf16 values as fp32; null where the product has none.
  const float* bias(Role role, int layer) const;
  // attention_norm, ffn_norm, final_norm: [hidden].
  const uint16_t* norm(Role role, int layer) const;
  // [head_dim]; null without q and k norms.
  const uint16_t* q_norm(int layer) const;
  const uint16_t* k_norm(int layer) const;

  // Bytes of everything.
  static uint64_t bytes(const ModelShape& shape);

 private:
  struct Entry {
    DeviceBuffer<uint16_t> values;
    DeviceBuffer<float> bias;
  };
  Entry& entry(Role role, int layer) {
    return entries_[static_cast<size_t>(layer) * kRoles + static_cast<size_t>(role)];
  }
  const Entry& entry(Role role, int layer) const {
    return const_cast<CudaWeights*>(this)->entry(role, layer);
  }
  // Rows of all parts, one part after the other, rounded to bf16 on the host's threads and copied while others read.
  // Of dummy weights nothing is read: the device makes them.
  void upload(const Parts& parts, int columns, uint16_t* to);

  void load_bias(const Parts& parts, Role role, Entry& to);

  const ModelShape shape_;
  const Launch launch_;
  struct Staging;
  ThreadPool pool_;
  std::vector<std::unique_ptr<Staging>> staging_;  // one a thread
  std::vector<Entry> entries_;  // [layers][roles]; embed, final_norm and lm_head in layer 0
  std::vector<const uint16_t*> matrices_[kRoles];
};

}  // namespace ra::cuda
