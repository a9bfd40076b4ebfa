// The oracle against another implementation of the numerics page: every token, value, accumulator and digest.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "tests/support/bitwise_equal.h"
#include "tests/support/expected_stream.h"
#include "tests/support/oracle_model.h"

namespace ra {
namespace {

class OracleStream : public testing::TestWithParam<const char*> {};

TEST_P(OracleStream, EqualsTheOneOfAnotherImplementation) {
  const TinyModel weights = read_fixture(GetParam());
  const auto streams = read_expected_streams(GetParam());
  ASSERT_EQ(streams.size(), 4u);
  OracleModel model(weights, 640);
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

INSTANTIATE_TEST_SUITE_P(Fixtures, OracleStream,
                         testing::Values("llama-tied-bf16", "llama3-scaled-fp32-sharded", "mistral-fp16",
                                         "qwen2-bf16", "qwen3-bf16"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace ra
