#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/swiglu.cuh"

namespace ra::cuda {
namespace {

constexpr int kThreads = 128;

__global__ void swiglu_kernel(const uint16_t* gate_up, int ffn, uint16_t* x) {
  let_next_start();
  wait_for_inputs();
  const int at = (blockIdx.y * kThreads + threadIdx.x) * 8;
  if (at >= ffn) return;
  const uint16_t* row = gate_up + static_cast<int64_t>(blockIdx.x) * 2 * ffn;
  const uint4 gates = *reinterpret_cast<const uint4*>(row + at);
  const uint4 ups = *reinterpret_cast<const uint4*>(row + ffn + at);
  const uint32_t* g = reinterpret_cast<const uint32_t*>(&gates);
  const uint32_t* u = reinterpret_cast<const uint32_t*>(&ups);
  uint4 values;
  uint32_t* v = reinterpret_cast<uint32_t*>(&values);
#pragma unroll
  for (int j = 0; j < 4; ++j)
    v[j] = round_pair(swiglu_value(widen_low(g[j]), widen_low(u[j])),
                      swiglu_value(widen_high(g[j]), widen_high(u[j])));
  *reinterpret_cast<uint4*>(x + static_cast<int64_t>(blockIdx.x) * ffn + at) = values;
}

__global__ void add_bias_kernel(const float* sums, const float* bias, int n, uint16_t* y) {
  let_next_start();
  wait_for_inputs();
  const int at = blockIdx.y * kThreads + threadIdx.x;
  if (at >= n) return;
  const int64_t place = static_cast<int64_t>(blockIdx.x) * n + at;
  y[place] = round_bits(__fadd_rn(sums[place], bias[at]));
}

}  // namespace

void swiglu(const Launch& launch, int rows, const uint16_t* gate_up, int ffn, uint16_t* x) {
  launch_kernel(launch, "swiglu", swiglu_kernel, dim3(rows, (ffn / 8 + kThreads - 1) / kThreads), kThreads, 0,
                gate_up, ffn, x);
}

void add_bias(const Launch& launch, int rows, const float* sums, const float* bias, int n, uint16_t* y) {
  launch_kernel(launch, "add_bias", add_bias_kernel, dim3(rows, (n + kThreads - 1) / kThreads), kThreads, 0,
                sums, bias, n, y);
}

}  // namespace ra::cuda
