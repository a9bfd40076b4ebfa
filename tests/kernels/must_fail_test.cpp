// The control: the measurement that finds nothing in `invariant` finds differences in `standard`. If this fails, the
// audit has nothing to find, or the measurement is blind.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "tests/support/checked_device.h"
#include "tests/support/small_shapes.h"

namespace ra {
namespace {

constexpr int kContext = 40;

// How many of the anchor's outputs of each operation differ from those of its row alone, over batches of up to 64 rows.
std::map<Role, int> differences(const std::string& on, const std::string& kernel_set) {
  const ModelShape shape = smollm2_layer_shape();
  const TinyModel weights = random_model(shape, 21);
  OracleModel oracle(weights, shape.max_positions);
  const OracleText anchor(oracle, random_tokens(1, kContext + 1, shape.vocab));
  const OracleText neighbour(oracle, random_tokens(2, 64, shape.vocab));
  CheckedDevice device(weights, on, kernel_set, 2, {.rows = 128, .logit_rows = 2, .slots = 2, .pages = 8});
  const std::vector<Piece> alone = {{0, &anchor, kContext, 1}};
  device.trace({{0, &anchor, 0, kContext}});
  const std::vector<TracedOutput> reference = device.trace(alone);
  std::map<Role, int> differing;
  for (const int rows : {1, 2, 4, 8, 13, 16, 24, 33, 48, 64}) {
    std::vector<Piece> batch = alone;
    if (rows > 1) batch.push_back({1, &neighbour, 0, rows - 1});
    const std::vector<TracedOutput> outputs = device.trace(batch);
    for (size_t i = 0; i < outputs.size(); ++i) {
      differing[outputs[i].role] += !std::ranges::equal(outputs[i].row(0), reference.at(i).row(0));
    }
  }
  return differing;
}

// The CPU's best target and every GPU.
std::vector<std::string> devices() {
  std::vector<std::string> ids = devices_with("standard");
  std::erase_if(ids, [](const std::string& id) { return id.starts_with("cpu:"); });
  return ids;
}

class MustFail : public testing::TestWithParam<std::string> {};

TEST_P(MustFail, StandardsProductsDependOnTheRowsBesideThem) {
  const std::map<Role, int> differing = differences(GetParam(), "standard");
  EXPECT_GT(differing.at(Role::lm_head), 0) << "fp32 sums, so nothing hides the library's order";
  EXPECT_EQ(differing.at(Role::embed), 0);
}

TEST_P(MustFail, TheSameMeasurementFindsNothingInInvariant) {
  for (const auto& [role, count] : differences(GetParam(), "invariant"))
    EXPECT_EQ(count, 0) << role_name(role);
}

INSTANTIATE_TEST_SUITE_P(Devices, MustFail, testing::ValuesIn(devices()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, ':', '_');
  return name;
});

}  // namespace
}  // namespace ra
