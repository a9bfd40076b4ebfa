// The oracle against another implementation of the numerics page: every token, value, accumulator and digest.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/expected_stream.h"
#include "tests/support/oracle_model.h"

namespace ra {
namespace {

struct Stream {
  const char* fixture;
  oracle::SumOrder order;
};
class OracleStream : public testing::TestWithParam<Stream> {};

TEST_P(OracleStream, EqualsTheOneOfAnotherImplementation) {
  const auto& [fixture, order] = GetParam();
  const TinyModel weights = read_fixture(fixture);
  const auto streams = read_expected_streams(fixture, order);
  ASSERT_EQ(streams.size(), 4u);
  OracleModel model(weights, 640, order);
  for (size_t i = 0; i < streams.size(); ++i) {
    const ExpectedStream& expected = streams[i];
    const GreedyRun run = greedy_run(model, expected.prompt, static_cast<int>(expected.steps.size()));
    for (size_t step = 0; step < run.steps.size(); ++step) {
      ASSERT_TRUE(
          bitwise_equal(run.steps[step], expected.steps[step], fmt::format("case {}, step {}", i, step)));
    }
    EXPECT_EQ(hex(run_digest(run.digests())), expected.run_digest);
  }
}

using enum oracle::SumOrder;
INSTANTIATE_TEST_SUITE_P(Fixtures, OracleStream,
                         testing::Values(Stream{"llama-tied-bf16", fma512},
                                         Stream{"llama3-scaled-fp32-sharded", fma512},
                                         Stream{"mistral-fp16", fma512}, Stream{"qwen2-bf16", fma512},
                                         Stream{"qwen3-bf16", fma512}, Stream{"llama-tied-bf16", k16},
                                         Stream{"qwen2-bf16", k16}, Stream{"qwen3-bf16", k16}),
                         [](const auto& test) {
                           std::string name = test.param.fixture;
                           std::erase(name, '-');
                           return name + (test.param.order == k16 ? "_k16" : "");
                         });

}  // namespace
}  // namespace ra
