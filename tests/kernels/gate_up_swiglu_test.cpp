// gate_up with SwiGLU in one launch against the plain product and SwiGLU's own kernel, bit for bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/product_check.h"
#include "kernels/cuda/products.h"
#include "tests/support/gpu.h"

namespace ra::cuda {
namespace {

constexpr int kGuardRows = 3;  // past the outputs, which must stay as they were

class GpuGateUpSwiglu : public testing::Test {
 protected:
  void SetUp() override {
    if (!first_gpu()) GTEST_SKIP() << "no GPU that the kernels run on";
    stream_.emplace();
    launch_ = {stream_->get(), 132};
  }

  DeviceBuffer<uint16_t> random(int rows, int k, uint32_t seed, bool wide) const {
    DeviceBuffer<uint16_t> values(static_cast<size_t>(rows) * k);
    fill_random(launch_, values.data(), rows, k, seed, wide);
    return values;
  }
  // Outputs [rows + kGuardRows, ffn] of `run`, which writes the first rows.
  template <class Run>
  std::vector<uint16_t> outputs(int rows, int ffn, const Run& run) const {
    DeviceBuffer<uint16_t> y(static_cast<size_t>(rows + kGuardRows) * ffn);
    cuda_check(cudaMemsetAsync(y.data(), 0xff, y.bytes(), launch_.stream), "test");
    run(y.data());
    std::vector<uint16_t> values(y.size());
    cuda_check(cudaMemcpyAsync(values.data(), y.data(), y.bytes(), cudaMemcpyDeviceToHost, launch_.stream),
               "test");
    stream_->wait();
    return values;
  }
  std::vector<uint16_t> fused(const uint16_t* w, const uint16_t* x, int rows, int ffn, int k,
                              int tile_rows) const {
    return outputs(rows, ffn, [&](uint16_t* y) {
      gate_up_swiglu(launch_, {w, x, y, nullptr, rows, 2 * ffn, k}, tile_rows);
    });
  }
  std::vector<uint16_t> one_by_one(const uint16_t* w, const uint16_t* x, int rows, int ffn, int k) const {
    const DeviceBuffer<uint16_t> products(static_cast<size_t>(rows) * 2 * ffn);
    return outputs(rows, ffn, [&](uint16_t* y) {
      plain_product(launch_, {w, x, products.data(), nullptr, rows, 2 * ffn, k});
      swiglu(launch_, rows, products.data(), ffn, y);
    });
  }

  std::optional<Stream> stream_;
  Launch launch_;
};

TEST_F(GpuGateUpSwiglu, HasTheBitsOfTheProductAndThenSwigluForAnyShapeAndRows) {
  struct Shape {
    int ffn, k;
  };
  // Fewer outputs than a tile, outputs that end within one, an odd number of tiles, more stages than a ring has; fewer stages
  // than a ring has and several tiles a block; Qwen3-8B's.
  for (const auto& [ffn, k] :
       {Shape{8, 64}, {72, 128}, {320, 1088}, {1536, 576}, {8456, 64}, {17000, 192}, {12288, 4096}}) {
    ASSERT_TRUE(gate_up_swiglu_fits(2 * ffn, k));
    const DeviceBuffer<uint16_t> w = random(2 * ffn, k, 11, false);
    for (const int rows : {1, 7, 64, 65, 128, 168, 169, 337}) {
      for (const bool wide : {false, true}) {
        const DeviceBuffer<uint16_t> x = random(rows, k, 12, wide);
        const std::vector<uint16_t> expected = one_by_one(w.data(), x.data(), rows, ffn, k);
        for (const int tile_rows : kGateUpTileRows) {
          EXPECT_TRUE(fused(w.data(), x.data(), rows, ffn, k, tile_rows) == expected)
              << fmt::format("{} x {}, {} rows, {} a tile, wide {}", ffn, k, rows, tile_rows, wide);
        }
      }
    }
  }
}

TEST_F(GpuGateUpSwiglu, GivesARowTheSameBitsAtEveryPlace) {
  constexpr int kFfn = 320, kK = 1088, kRows = 345;
  const DeviceBuffer<uint16_t> w = random(2 * kFfn, kK, 21, false), row = random(1, kK, 22, true);
  const DeviceBuffer<uint16_t> x(static_cast<size_t>(kRows) * kK);
  for (int r = 0; r < kRows; ++r) {
    cuda_check(cudaMemcpyAsync(x.data() + static_cast<size_t>(r) * kK, row.data(), row.bytes(),
                               cudaMemcpyDeviceToDevice, launch_.stream),
               "test");
  }
  const std::vector<uint16_t> alone = one_by_one(w.data(), row.data(), 1, kFfn, kK);
  for (const int tile_rows : kGateUpTileRows) {
    const std::vector<uint16_t> all = fused(w.data(), x.data(), kRows, kFfn, kK, tile_rows);
    for (int r = 0; r < kRows; ++r) {
      EXPECT_TRUE(std::equal(alone.begin(), alone.begin() + kFfn,
                             all.begin() + static_cast<std::ptrdiff_t>(r) * kFfn))
          << "row " << r << ", " << tile_rows << " a tile";
    }
  }
}

TEST_F(GpuGateUpSwiglu, WaitsForTheLaunchBeforeAndIsWaitedFor) {
  constexpr int kFfn = 1536, kK = 576, kRows = 337;
  const DeviceBuffer<uint16_t> w = random(2 * kFfn, kK, 41, false), x = random(kRows, kK, 42, false);
  const std::vector<uint16_t> expected = one_by_one(w.data(), x.data(), kRows, kFfn, kK);
  DeviceBuffer<uint16_t> late(x.size()), y(static_cast<size_t>(kRows) * kFfn),
      sample(kSampleRows * size_t{kFfn});
  for (const int tile_rows : kGateUpTileRows) {
    late.fill_zero();
    y.fill_zero();
    cuda_check(cudaDeviceSynchronize(), "test");
    fill_random(launch_, late.data(), kRows, kK, 42, false);
    gate_up_swiglu(launch_, {w.data(), late.data(), y.data(), nullptr, kRows, 2 * kFfn, kK}, tile_rows);
    copy_sample(launch_, y.data(), kRows, kFfn / 2, sample.data());
    std::vector<uint16_t> found(sample.size());
    cuda_check(
        cudaMemcpyAsync(found.data(), sample.data(), sample.bytes(), cudaMemcpyDeviceToHost, launch_.stream),
        "test");
    stream_->wait();
    for (int i = 0; i < kSampleRows; ++i) {
      const auto row = [&](const std::vector<uint16_t>& values, int r) {
        return values.begin() + static_cast<std::ptrdiff_t>(r) * kFfn;
      };
      EXPECT_TRUE(std::equal(row(found, i), row(found, i + 1), row(expected, sample_row(i, kRows))))
          << "row " << sample_row(i, kRows) << ", " << tile_rows << " a tile";
    }
  }
}

// The control: what the others compare can differ.
TEST_F(GpuGateUpSwiglu, AnotherInputShows) {
  constexpr int kFfn = 320, kK = 1088, kRows = 100;
  const DeviceBuffer<uint16_t> w = random(2 * kFfn, kK, 31, false);
  const DeviceBuffer<uint16_t> one = random(kRows, kK, 32, false), other = random(kRows, kK, 33, false);
  for (const int tile_rows : kGateUpTileRows) {
    EXPECT_FALSE(fused(w.data(), one.data(), kRows, kFfn, kK, tile_rows) ==
                 one_by_one(w.data(), other.data(), kRows, kFfn, kK));
  }
}

}  // namespace
}  // namespace ra::cuda
