// One step of the GPU's tensor cores against the oracle, over operands of many kinds: what the class hopper-k16/1 is
// defined by, measured again on the GPU at hand.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/support/device_step.h"

namespace ra {
namespace {

constexpr int kTrials = 40000;  // of each pair of kinds

// D = C + A B of one m16n8k16 step; row 0 of A and column 0 of B hold the operands, the rest is zero.
__global__ void step_kernel(const float* c, const uint16_t* a, const uint16_t* b, float* d) {
  const int lane = threadIdx.x, trial = blockIdx.x;
  const auto pair = [](const uint16_t* at) {
    return static_cast<uint32_t>(at[0]) | static_cast<uint32_t>(at[1]) << 16;
  };
  const uint16_t* row = a + trial * 16 + 2 * (lane % 4);
  const uint16_t* column = b + trial * 16 + 2 * (lane % 4);
  const bool first = lane / 4 == 0;
  const uint32_t a0 = first ? pair(row) : 0, a2 = first ? pair(row + 8) : 0;
  const uint32_t b0 = first ? pair(column) : 0, b1 = first ? pair(column + 8) : 0;
  float s[4] = {lane == 0 ? c[trial] : 0.0f, 0.0f, 0.0f, 0.0f};
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(s[0]), "+f"(s[1]), "+f"(s[2]), "+f"(s[3])
      : "r"(a0), "r"(0), "r"(a2), "r"(0), "r"(b0), "r"(b1));
  if (lane == 0) d[trial] = s[0];
}

bool has_hopper() {
  cudaDeviceProp gpu;
  return cudaGetDeviceProperties(&gpu, 0) == cudaSuccess && gpu.major == 9 && gpu.minor == 0;
}

template <class T>
T* device_copy(const std::vector<T>& values) {
  T* made = nullptr;
  EXPECT_EQ(cudaMalloc(&made, values.size() * sizeof(T)), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(made, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  return made;
}

// Steps of these operands, 16 values of each, on the GPU.
std::vector<float> steps_of(const std::vector<float>& c, const std::vector<uint16_t>& a,
                            const std::vector<uint16_t>& b) {
  std::vector<float> found(c.size());
  float *device_c = device_copy(c), *device_d = device_copy(c);
  uint16_t *device_a = device_copy(a), *device_b = device_copy(b);
  step_kernel<<<static_cast<unsigned>(c.size()), 32>>>(device_c, device_a, device_b, device_d);
  EXPECT_EQ(cudaMemcpy(found.data(), device_d, c.size() * sizeof(float), cudaMemcpyDeviceToHost),
            cudaSuccess);
  for (void* memory : {static_cast<void*>(device_c), static_cast<void*>(device_d),
                       static_cast<void*>(device_a), static_cast<void*>(device_b)})
    cudaFree(memory);
  return found;
}

// 2^exponent as bf16.
uint16_t power(int exponent) {
  return static_cast<uint16_t>((exponent + 127) << 7);
}

// 2^large - 2^small: whether the small one is seen shows in the last bit of a result that is rounded towards zero.
TEST(GpuStep, SeesSmallAddendsDownToTheStatedBit) {
  if (!has_hopper()) GTEST_SKIP() << "no GPU of compute capability 9.0: the step was not measured";
  for (const float sum : {0.0f, 0x1p-149f, 0x1p-140f}) {
    for (int large = -148; large <= -110; ++large) {
      std::vector<float> c;
      std::vector<uint16_t> a, b;
      for (int small = large - 30; small < large; ++small) {
        c.push_back(sum);
        for (int i = 0; i < 16; ++i) {
          a.push_back(i == 3   ? power(large / 2)
                      : i == 9 ? static_cast<uint16_t>(power(small / 2) | 0x8000)
                               : 0);
          b.push_back(i == 3 ? power(large - large / 2) : i == 9 ? power(small - small / 2) : 0);
        }
      }
      const std::vector<float> found = steps_of(c, a, b);
      for (size_t i = 0; i < c.size(); ++i) {
        const float expected = oracle_step(c[i], &a[i * 16], &b[i * 16]);
        EXPECT_EQ(found[i], expected) << std::hexfloat << "c = " << sum << ", 2^" << std::dec << large
                                      << " - 2^" << large - 30 + static_cast<int>(i);
      }
    }
  }
}

TEST(GpuStep, EqualsTheOraclesForEveryKindOfOperands) {
  if (!has_hopper()) GTEST_SKIP() << "no GPU of compute capability 9.0: the step was not measured";
  uint64_t state = 88172645463325252u;
  for (int kind_a = 0; kind_a < kValueKinds; ++kind_a) {
    for (int kind_b = 0; kind_b < kValueKinds; ++kind_b) {
      std::vector<uint16_t> a(kTrials * 16), b(kTrials * 16);
      std::vector<float> c(kTrials);
      for (int trial = 0; trial < kTrials; ++trial)
        c[trial] = draw_step(kind_a, kind_b, trial, state, &a[trial * 16], &b[trial * 16]);
      const std::vector<float> found = steps_of(c, a, b);
      int differing = 0;
      for (int trial = 0; trial < kTrials; ++trial) {
        const float expected = oracle_step(c[trial], &a[trial * 16], &b[trial * 16]);
        if (std::memcmp(&expected, &found[trial], sizeof(float)) == 0) continue;
        if (differing++ == 0)
          ADD_FAILURE() << "trial " << trial << ": found " << std::hexfloat << found[trial] << "; expected "
                        << expected;
      }
      EXPECT_EQ(differing, 0) << "of " << kTrials << " steps of kinds " << kind_a << " and " << kind_b;
    }
  }
}

}  // namespace
}  // namespace ra
