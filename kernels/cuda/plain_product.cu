#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/products.h"
#include "kernels/cuda/tensor_core.cuh"

namespace ra::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kColumnGroups = 4;  // of eight rows of x
constexpr int kWarpRows = 16;     // outputs

// Values k and k + 1 of a row, +0 beyond its end.
__device__ uint32_t pair_at(const uint16_t* row, int at, int k) {
  if (row == nullptr) return 0;
  const uint32_t low = at < k ? row[at] : 0;
  const uint32_t high = at + 1 < k ? row[at + 1] : 0;
  return low | high << 16;
}

// [n, k], [m, k] -> [m, n]; a warp has 16 outputs of 32 rows. Order: k16 steps, ascending from +0; k is padded with zeros.
__global__ void __launch_bounds__(kWarps * 32) plain_product_kernel(const Product p) {
  let_next_start();
  wait_for_inputs();
  const int lane = threadIdx.x % 32;
  const int n = (blockIdx.x * kWarps + threadIdx.x / 32) * kWarpRows, m = blockIdx.y * kColumnGroups * 8;
  if (n >= p.n) return;
  const auto w_row = [&](int row) { return row < p.n ? p.w + static_cast<int64_t>(row) * p.k : nullptr; };
  const auto x_row = [&](int row) { return row < p.m ? p.x + static_cast<int64_t>(row) * p.k : nullptr; };
  const uint16_t* w[2] = {w_row(n + lane / 4), w_row(n + lane / 4 + 8)};
  float c[kColumnGroups][4] = {};
  for (int step = 0; step < p.k; step += 16) {
    const int at = step + 2 * (lane % 4);
    const uint32_t a[4] = {pair_at(w[0], at, p.k), pair_at(w[1], at, p.k), pair_at(w[0], at + 8, p.k),
                           pair_at(w[1], at + 8, p.k)};
#pragma unroll
    for (int g = 0; g < kColumnGroups; ++g) {
      const uint16_t* x = x_row(m + g * 8 + lane / 4);
      k16_step(c[g], a, pair_at(x, at, p.k), pair_at(x, at + 8, p.k));
    }
  }
#pragma unroll
  for (int g = 0; g < kColumnGroups; ++g) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = m + g * 8 + 2 * (lane % 4) + i % 2, output = n + lane / 4 + i / 2 * 8;
      if (row >= p.m || output >= p.n) continue;
      const int64_t place = static_cast<int64_t>(row) * p.n + output;
      if (p.sums != nullptr) {
        p.sums[place] = c[g][i];
      } else {
        p.y[place] = round_bits(c[g][i]);
      }
    }
  }
}

}  // namespace

void plain_product(const Launch& launch, const Product& product) {
  const dim3 grid((product.n + kWarps * kWarpRows - 1) / (kWarps * kWarpRows),
                  (product.m + kColumnGroups * 8 - 1) / (kColumnGroups * 8));
  launch_kernel(launch, "plain product", plain_product_kernel, grid, kWarps * 32, 0, product);
}

}  // namespace ra::cuda
