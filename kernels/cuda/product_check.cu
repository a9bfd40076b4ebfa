#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/numerics.cuh"
#include "kernels/cuda/product_check.h"

namespace ra::cuda {
namespace {

constexpr int kThreads = 256;

// The finalizer of MurmurHash3 (Appleby), a bijection of 32 bits.
__device__ uint32_t mixed(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ h >> 16;
}

__global__ void fill_random_kernel(uint16_t* x, int64_t count, uint32_t seed, bool wide) {
  let_next_start();
  wait_for_inputs();
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= count) return;
  const uint32_t h = mixed(mixed(static_cast<uint32_t>(i) ^ seed) + static_cast<uint32_t>(i >> 32));
  const uint32_t exponent = wide ? 112 + (h >> 16) % 30 : 125 + (h >> 16) % 3;
  x[i] = static_cast<uint16_t>((h & 0x807f) | exponent << 7);
}

__global__ void copy_sample_kernel(const uint32_t* from, int rows, int words, uint32_t* to) {
  let_next_start();
  wait_for_inputs();
  const uint32_t* row = from + static_cast<int64_t>(sample_row(blockIdx.y, rows)) * words;
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i < words) to[static_cast<int64_t>(blockIdx.y) * words + i] = row[i];
}

__global__ void count_differences_kernel(const uint32_t* a, const uint32_t* b, int64_t words,
                                         int32_t* count) {
  let_next_start();
  wait_for_inputs();
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const int differing = __syncthreads_count(i < words && a[i] != b[i]);
  if (threadIdx.x == 0 && differing > 0) atomicAdd(count, differing);
}

unsigned blocks_of(int64_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

}  // namespace

void fill_random(const Launch& launch, uint16_t* x, int rows, int k, uint32_t seed, bool wide) {
  const int64_t count = static_cast<int64_t>(rows) * k;
  launch_kernel(launch, "certification", fill_random_kernel, dim3(blocks_of(count)), kThreads, 0, x, count,
                seed, wide);
}

void copy_sample(const Launch& launch, const void* from, int rows, int words, void* to) {
  launch_kernel(launch, "certification", copy_sample_kernel, dim3(blocks_of(words), kSampleRows), kThreads, 0,
                static_cast<const uint32_t*>(from), rows, words, static_cast<uint32_t*>(to));
}

void count_differences(const Launch& launch, const void* a, const void* b, int64_t words, int32_t* count) {
  launch_kernel(launch, "certification", count_differences_kernel, dim3(blocks_of(words)), kThreads, 0,
                static_cast<const uint32_t*>(a), static_cast<const uint32_t*>(b), words, count);
}

}  // namespace ra::cuda
