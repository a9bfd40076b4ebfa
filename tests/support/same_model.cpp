#include "tests/support/same_model.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/bitwise_equal.h"

namespace ra {
namespace {

constexpr Role kWeightRoles[] = {Role::embed,      Role::attention_norm, Role::qkv,     Role::qk_norm_rope,
                                 Role::o,          Role::ffn_norm,       Role::gate_up, Role::down,
                                 Role::final_norm, Role::lm_head};

auto sizes_of(const ModelShape& s) {
  return std::tuple(s.layers, s.hidden, s.heads, s.kv_heads, s.head_dim, s.ffn, s.vocab, s.max_positions);
}
auto kind_of(const ModelShape& s) {
  return std::tuple(s.norm_eps, s.qk_norm, s.qkv_bias, s.o_bias, s.tied);
}
// Parameters that the kind of scaling does not use may differ.
auto rope_of(const RopeSpec& rope) {
  const bool scaled = rope.scaling != RopeSpec::Scaling::none,
             llama3 = rope.scaling == RopeSpec::Scaling::llama3;
  return std::tuple(rope.scaling, rope.base, scaled ? rope.factor : 0, llama3 ? rope.low_frequency_factor : 0,
                    llama3 ? rope.high_frequency_factor : 0, llama3 ? rope.original_positions : 0);
}

}  // namespace

std::vector<float> values_of(const Checkpoint& checkpoint, Role role, int layer, size_t part) {
  const RowSource source = checkpoint.parts(role, layer).at(part);
  std::vector<float> values(static_cast<size_t>(source.rows) * static_cast<size_t>(source.columns));
  source.read(0, source.rows, values.data());
  return values;
}

std::vector<float> bias_of(const Checkpoint& checkpoint, Role role, int layer, size_t part) {
  const RowSource source = checkpoint.parts(role, layer).at(part);
  if (!source.read_bias) return {};
  std::vector<float> values(static_cast<size_t>(source.rows));
  source.read_bias(values.data());
  return values;
}

void expect_same_model(const Checkpoint& a, const Checkpoint& b) {
  EXPECT_EQ(sizes_of(a.shape()), sizes_of(b.shape()));
  EXPECT_EQ(kind_of(a.shape()), kind_of(b.shape()));
  EXPECT_EQ(rope_of(a.shape().rope), rope_of(b.shape().rope));
  for (Role role : kWeightRoles) {
    const bool layered = role != Role::embed && role != Role::final_norm && role != Role::lm_head;
    for (int layer = 0; layer < (layered ? a.shape().layers : 1); ++layer) {
      const size_t parts = a.parts(role, layer).size();
      ASSERT_EQ(parts, b.parts(role, layer).size()) << role_name(role);
      for (size_t part = 0; part < parts; ++part) {
        const std::string what = std::string(role_name(role)) + " of layer " + std::to_string(layer);
        EXPECT_TRUE(bitwise_equal(values_of(a, role, layer, part), values_of(b, role, layer, part), what));
        EXPECT_TRUE(
            bitwise_equal(bias_of(a, role, layer, part), bias_of(b, role, layer, part), what + ", bias"));
      }
    }
  }
}

}  // namespace ra
