// What one process tells the next about the speed of kernels: kept whole, for one machine, and believed in no more.
#include "kernels/cuda/product_timings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ra::cuda {
namespace {

using testing::ElementsAre;
using Output = TimedProduct::Output;

constexpr const char* kMachine = "product timings 2, NVIDIA H100, 13.0, 13.1.0";

ProductTimings example() {
  ProductTimings timings;
  timings.add({64, 4096, 4096, Output::bf16}, {"id=66 tile=24", "id=66 tile=31"});
  timings.add({64, 151936, 4096, Output::fp32}, {"id=66 tile=20"});
  timings.add({64, 4096, 4096, Output::swiglu}, {"own kernel", "id=66 tile=24"});
  timings.add({1024, 4096, 4096, Output::bf16}, {});
  return timings;
}

TEST(ProductTimings, AreTheSameAfterATextOfThem) {
  const std::string text = example().text(kMachine);
  ProductTimings taken;
  taken.take(text, kMachine);
  EXPECT_EQ(taken.text(kMachine), text);
  ASSERT_NE(taken.find({64, 4096, 4096, Output::bf16}), nullptr);
  EXPECT_THAT(*taken.find({64, 4096, 4096, Output::bf16}), ElementsAre("id=66 tile=24", "id=66 tile=31"));
  EXPECT_THAT(*taken.find({64, 4096, 4096, Output::swiglu}), ElementsAre("own kernel", "id=66 tile=24"));
  EXPECT_EQ(taken.find({64, 4096, 4096, Output::fp32}), nullptr);
}

TEST(ProductTimings, OfAnotherMachineAreNotTaken) {
  ProductTimings taken;
  taken.take(example().text(kMachine), "product timings 2, NVIDIA H200, 13.0, 13.1.0");
  EXPECT_EQ(taken.find({64, 4096, 4096, Output::bf16}), nullptr);
  taken.take("", kMachine);
  EXPECT_EQ(taken.find({64, 4096, 4096, Output::bf16}), nullptr);
}

TEST(ProductTimings, LinesThatSayNothingAreLeftOut) {
  ProductTimings taken;
  taken.take(
      std::string(kMachine) + "\n64 4096: a\n64 x 4096 bf16: a\n64 64 64 fp16: a\nno colon\n8 8 64 bf16: b\n",
      kMachine);
  EXPECT_EQ(taken.text(kMachine), std::string(kMachine) + "\n8 8 64 bf16: b\n");
}

TEST(ProductTimings, ManyShapesAndKernelsAreBounded) {
  std::string text = std::string(kMachine) + "\n";
  for (int m = 1; m <= 10'000; ++m) text += std::to_string(m) + " 64 64 bf16: a\n";
  ProductTimings many;
  many.take(text, kMachine);
  EXPECT_NE(many.find({4096, 64, 64, Output::bf16}), nullptr);
  EXPECT_EQ(many.find({4097, 64, 64, Output::bf16}), nullptr);
  std::string kernels = "a";
  for (int i = 0; i < 100; ++i) kernels += "; b";
  ProductTimings wide;
  wide.take(std::string(kMachine) + "\n8 8 64 bf16: " + kernels + "\n", kMachine);
  EXPECT_EQ(wide.find({8, 8, 64, Output::bf16})->size(), 16u);
}

}  // namespace
}  // namespace ra::cuda
