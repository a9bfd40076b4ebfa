// Shows of every product kernel, before it is used, that it adds as the class hopper-k16/1 says: on the model's own
// weights, over random rows of narrow and wide exponents.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/products.h"

namespace ra::cuda {

class ProductCertifier {
 public:
  explicit ProductCertifier(const Launch& launch) : launch_(launch), count_(1) {}

  // Queues the product of `rows` rows in x into y, as fp32 sums or as bf16.
  using Run = std::function<void(const uint16_t* x, void* y)>;

  // Whether `run` gives, at outputs of sampled rows, what k16 steps on the processor give.
  bool equals_steps(const Run& run, int rows, int n, int k, bool fp32_out, const uint16_t* w, uint16_t* x,
                    void* y);
  // Whether `run` gives, at sample rows and all outputs, what `peer` gives for these rows alone. n and k are even.
  bool equals_peer(const Run& run, const Run& peer, int rows, int n, int k, bool fp32_out, uint16_t* x,
                   void* y);

 private:
  Launch launch_;
  DeviceBuffer<int32_t> count_;
  DeviceBuffer<unsigned char> sample_x_, sample_y_, peer_y_;
};

}  // namespace ra::cuda
