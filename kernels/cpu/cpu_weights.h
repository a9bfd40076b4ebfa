// A model's weights on the CPU, in each layout that the kernel sets in use need: packed bf16 for the fma products, fp32
// copies of the same values for the BLAS.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cpu/packed_matrix.h"
#include "kernels/ops.h"
#include "kernels/thread_pool.h"

namespace ra {

// One product's weight. fma products and embed() read `packed`, the BLAS `plain`.
struct Projection {
  int n = 0;
  int k = 0;
  PackedMatrix packed;
  AlignedBuffer<float> plain;  // [n, k], empty if no set calls the BLAS for it
  std::vector<float> bias;     // [n] bf16 values as fp32, or empty

  const float* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
};

class CpuWeights {
 public:
  // What `sets` may choose for `threads` threads decides the layouts.
  CpuWeights(const ModelShape& shape, const std::vector<KernelSet>& sets, int threads);

  void load(ThreadPool& pool, Role role, int layer, const Parts& parts);

  // qkv, o, gate_up, down, lm_head (the embedding where they are tied). Error(bug) if it was not loaded.
  const Projection& projection(Role role, int layer) const;
  const PackedMatrix& embedding() const { return embedding_.packed; }
  // attention_norm, ffn_norm, final_norm: [hidden], bf16 values as fp32.
  const float* norm(Role role, int layer) const;
  // [head_dim] each; null without q and k norms.
  const float* q_norm(int layer) const;
  const float* k_norm(int layer) const;

  // Bytes of all matrices and biases.
  static uint64_t bytes(const ModelShape& shape, const std::vector<KernelSet>& sets, int threads);

 private:
  struct Layer {
    std::vector<float> attention_norm, ffn_norm, q_norm, k_norm;
    Projection qkv, o, gate_up, down;
  };
  Projection& projection_of(Role role, int layer);

  ModelShape shape_;
  uint32_t plain_roles_ = 0;  // bit of a role: a set may call the BLAS for it
  Projection embedding_, lm_head_;
  std::vector<float> final_norm_;
  std::vector<Layer> layers_;
};

}  // namespace ra
