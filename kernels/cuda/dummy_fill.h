// Dummy weights where they are used: the bytes of kernels/dummy_weights.h, made by the device.
#pragma once

#include "kernels/cuda/kernels.h"
#include "kernels/dummy_weights.h"

namespace ra::cuda {

// to [count] = elements 0 to count - 1 of the tensor.
void fill_dummy(const Launch& launch, const DummyTensor& tensor, int64_t count, uint16_t* to);
// The same, widened.
void fill_dummy(const Launch& launch, const DummyTensor& tensor, int64_t count, float* to);

}  // namespace ra::cuda
