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

uint64_t next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

enum class Kind { any, narrow, wide, denormal, sparse, tiny };
constexpr Kind kKinds[] = {Kind::any, Kind::narrow, Kind::wide, Kind::denormal, Kind::sparse, Kind::tiny};

uint16_t value_of(Kind kind, uint64_t random) {
  const auto bits = static_cast<uint16_t>(random);
  const auto with_exponent = [&](int least, int count) {
    return static_cast<uint16_t>((bits & 0x807f) | (least + static_cast<int>(random >> 32) % count) << 7);
  };
  switch (kind) {
    case Kind::any:
      return bits;
    case Kind::narrow:
      return with_exponent(125, 4);
    case Kind::wide:
      return with_exponent(70, 120);
    case Kind::denormal:
      return with_exponent(0, 3);
    case Kind::sparse:
      return random >> 40 & 3 ? static_cast<uint16_t>(bits & 0x8000) : with_exponent(120, 12);
    case Kind::tiny:
      return with_exponent(40, 30);
  }
  return 0;
}

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
  for (const Kind kind_a : kKinds) {
    for (const Kind kind_b : kKinds) {
      std::vector<uint16_t> a(kTrials * 16), b(kTrials * 16);
      std::vector<float> c(kTrials), found(kTrials);
      for (int trial = 0; trial < kTrials; ++trial) {
        for (int i = 0; i < 16; ++i) {
          a[trial * 16 + i] = value_of(kind_a, next(state));
          b[trial * 16 + i] = value_of(kind_b, next(state));
        }
        // A sum of any bits, of the products' size, their negation, or none.
        const float sum = oracle_step(0.0f, &a[trial * 16], &b[trial * 16]);
        const auto bits = static_cast<uint32_t>(next(state));
        std::memcpy(&c[trial], &bits, sizeof(bits));
        if (trial % 4 == 1) c[trial] = sum * 0.75f;
        if (trial % 4 == 2) c[trial] = -sum;
        if (trial % 4 == 3) c[trial] = 0.0f;
      }
      found = steps_of(c, a, b);
      int differing = 0;
      for (int trial = 0; trial < kTrials; ++trial) {
        const float expected = oracle_step(c[trial], &a[trial * 16], &b[trial * 16]);
        if (std::memcmp(&expected, &found[trial], sizeof(float)) == 0) continue;
        if (differing++ == 0)
          ADD_FAILURE() << "trial " << trial << ": found " << std::hexfloat << found[trial] << "; expected "
                        << expected;
      }
      EXPECT_EQ(differing, 0) << "of " << kTrials << " steps of kinds " << static_cast<int>(kind_a) << " and "
                              << static_cast<int>(kind_b);
    }
  }
}

}  // namespace
}  // namespace ra
