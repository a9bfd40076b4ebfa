// The reference's weights: fp32 as stored or dequantised, each matrix [n, k] in row order with its bias, if it has one.
#pragma once

#include <vector>

#include "kernels/cpu/aligned_buffer.h"
#include "kernels/ops.h"
#include "kernels/thread_pool.h"

namespace ra {

// Row widths of a model's attention.
struct Widths {
  explicit Widths(const ModelShape& shape)
      : attention(shape.heads * shape.head_dim),
        kv(shape.kv_heads * shape.head_dim),
        qkv(attention + 2 * kv) {}
  int attention, kv, qkv;
};

struct ReferenceMatrix {
  int n = 0, k = 0;
  AlignedBuffer<float> values;  // [n, k]
  std::vector<float> bias;      // [n], or empty
};

struct ReferenceLayer {
  std::vector<float> attention_norm, ffn_norm;  // [hidden]
  std::vector<float> q_norm, k_norm;            // [head_dim], or empty
  ReferenceMatrix qkv, o, gate_up, down;        // q, k, v one after the other; gate, then up
};

class ReferenceWeights {
 public:
  explicit ReferenceWeights(const ModelShape& shape) : shape_(shape), layers_(shape.layers) {}

  // As Ops::load. Rows are read by all threads of the pool.
  void load(Role role, int layer, const Parts& parts, ThreadPool& pool);

  const ReferenceMatrix& embedding() const { return embedding_; }
  const ReferenceMatrix& lm_head() const { return shape_.tied ? embedding_ : lm_head_; }
  const std::vector<float>& final_norm() const { return final_norm_; }
  const ReferenceLayer& layer(int layer) const { return layers_.at(layer); }

 private:
  const ModelShape shape_;
  ReferenceMatrix embedding_, lm_head_;  // [vocab, hidden]
  std::vector<float> final_norm_;
  std::vector<ReferenceLayer> layers_;
};

}  // namespace ra
