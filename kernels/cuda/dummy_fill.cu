#include "kernels/cuda/dummy_fill.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"

namespace ra::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kValues = 8;  // of a thread

__global__ void fill_dummy_kernel(const DummyTensor tensor, int64_t count, uint16_t* to) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kValues;
  for (int64_t i = first; i < first + kValues && i < count; ++i)
    to[i] = dummy_bf16(tensor, static_cast<uint64_t>(i));
}

__global__ void fill_dummy_wide_kernel(const DummyTensor tensor, int64_t count, float* to) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < count) to[i] = widen(dummy_bf16(tensor, static_cast<uint64_t>(i)));
}

}  // namespace

void fill_dummy(const Launch& launch, const DummyTensor& tensor, int64_t count, uint16_t* to) {
  const dim3 blocks(static_cast<unsigned>((count + kThreads * kValues - 1) / (kThreads * kValues)));
  launch_kernel(launch, "dummy weights", fill_dummy_kernel, blocks, kThreads, 0, tensor, count, to);
}

void fill_dummy(const Launch& launch, const DummyTensor& tensor, int64_t count, float* to) {
  const dim3 blocks(static_cast<unsigned>((count + kThreads - 1) / kThreads));
  launch_kernel(launch, "dummy weights", fill_dummy_wide_kernel, blocks, kThreads, 0, tensor, count, to);
}

}  // namespace ra::cuda
