#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"

namespace ra::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kKept = 4;  // chunks of a row, and of the weights, that a thread keeps in registers

// [n] -> [n], one row by kLanes / 8 threads; thread t owns lanes 8 t to 8 t + 7.
// Order: lane i mod kLanes sums its squares by ascending fma; the lanes by a tree.
template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    add_norm_kernel(const int32_t* words, int rows, bool of_logit_rows, uint16_t* h, const uint16_t* d,
                    const uint16_t* weight, int n, float eps, uint16_t* x, int32_t* nonfinite) {
  constexpr int kRowThreads = kLanes / 8;
  constexpr int kWarps = kThreads / 32;
  let_next_start();
  const int thread = threadIdx.x % kRowThreads;
  uint4 kept_weights[kKept];  // they do not depend on the launch before
#pragma unroll
  for (int c = 0; c < kKept; ++c) {
    const int at = c * kLanes + 8 * thread;
    if (at < n) kept_weights[c] = *reinterpret_cast<const uint4*>(weight + at);
  }
  wait_for_inputs();
  const StepWords& step = *reinterpret_cast<const StepWords*>(words);
  const int i = blockIdx.x * (kThreads / kRowThreads) + threadIdx.x / kRowThreads;
  if (i >= (of_logit_rows ? step.logit_rows : step.rows))
    return;  // whole warps, and with 1024 lanes whole blocks
  const int r = of_logit_rows ? words[step.logit_rows_at + i] : i;
  uint16_t* h_row = h + static_cast<int64_t>(r) * n;
  const uint16_t* d_row = d == nullptr ? nullptr : d + static_cast<int64_t>(r) * n;

  uint4 kept[kKept];
  float sums[8] = {};
  const auto take = [&](int at) {
    uint4 values = *reinterpret_cast<const uint4*>(h_row + at);
    uint32_t* v = reinterpret_cast<uint32_t*>(&values);
    if (d_row != nullptr) {
      const uint4 added = *reinterpret_cast<const uint4*>(d_row + at);
      const uint32_t* a = reinterpret_cast<const uint32_t*>(&added);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        v[j] = round_pair(__fadd_rn(widen_low(v[j]), widen_low(a[j])),
                          __fadd_rn(widen_high(v[j]), widen_high(a[j])));
      *reinterpret_cast<uint4*>(h_row + at) = values;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float low = widen_low(v[j]), high = widen_high(v[j]);
      sums[2 * j] = __fmaf_rn(low, low, sums[2 * j]);
      sums[2 * j + 1] = __fmaf_rn(high, high, sums[2 * j + 1]);
    }
    return values;
  };
#pragma unroll
  for (int c = 0; c < kKept; ++c) {
    const int at = c * kLanes + 8 * thread;
    if (at < n) kept[c] = take(at);
  }
  for (int at = kKept * kLanes + 8 * thread; at < n; at += kLanes) take(at);

  float sum = __fadd_rn(__fadd_rn(__fadd_rn(sums[0], sums[1]), __fadd_rn(sums[2], sums[3])),
                        __fadd_rn(__fadd_rn(sums[4], sums[5]), __fadd_rn(sums[6], sums[7])));
  sum = tree<32>(sum);
  if (kRowThreads > 32) {
    __shared__ float of_warp[kWarps];
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = __fadd_rn(__fadd_rn(of_warp[0], of_warp[1]), __fadd_rn(of_warp[2], of_warp[3]));
  }
  if (thread == 0 && !is_finite(sum)) nonfinite[r] = 1;
  const float mean = __fdiv_rn(sum, static_cast<float>(n));
  const float scale = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, eps)));

  const auto give = [&](int at, uint4 values, const uint4& weights) {
    uint32_t* v = reinterpret_cast<uint32_t*>(&values);
    const uint32_t* w = reinterpret_cast<const uint32_t*>(&weights);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float low = round_bf16(__fmul_rn(widen_low(v[j]), scale));
      const float high = round_bf16(__fmul_rn(widen_high(v[j]), scale));
      v[j] = round_pair(__fmul_rn(low, widen_low(w[j])), __fmul_rn(high, widen_high(w[j])));
    }
    *reinterpret_cast<uint4*>(x + static_cast<int64_t>(i) * n + at) = values;
  };
#pragma unroll
  for (int c = 0; c < kKept; ++c) {
    const int at = c * kLanes + 8 * thread;
    if (at < n) give(at, kept[c], kept_weights[c]);
  }
  for (int at = kKept * kLanes + 8 * thread; at < n; at += kLanes)
    give(at, *reinterpret_cast<const uint4*>(h_row + at), *reinterpret_cast<const uint4*>(weight + at));
}

}  // namespace

void add_norm(const Launch& launch, const int32_t* words, int rows, bool of_logit_rows, int lanes,
              uint16_t* h, const uint16_t* d, const uint16_t* weight, int hidden, float eps, uint16_t* x,
              int32_t* nonfinite) {
  if (lanes == 256) {
    launch_kernel(launch, "add_norm", add_norm_kernel<256>, dim3((rows + 3) / 4), kThreads, 0, words, rows,
                  of_logit_rows, h, d, weight, hidden, eps, x, nonfinite);
  } else {
    launch_kernel(launch, "add_norm", add_norm_kernel<1024>, dim3(rows), kThreads, 0, words, rows,
                  of_logit_rows, h, d, weight, hidden, eps, x, nonfinite);
  }
}

}  // namespace ra::cuda
