// Small models for tests: read from a fixture's folder, or made from a seed. Weights are the fp32 values that
// a checkpoint's tensors stand for, so that one model loads into any device and into the oracle.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernels/ops.h"

namespace ra {

struct TinyWeight {
  int rows = 0;
  int columns = 0;
  std::vector<float> values;     // [rows, columns]
  std::vector<float> bias = {};  // [rows], or empty
};

struct TinyModel {
  ModelShape shape;
  // As Ops::load names them: (role, layer) -> parts. A tied model has no lm_head.
  std::map<std::pair<Role, int>, std::vector<TinyWeight>> weights;

  const std::vector<TinyWeight>& parts(Role role, int layer = 0) const { return weights.at({role, layer}); }
};

// A small checkpoint of tests/golden, dequantised; `name` is its folder.
TinyModel read_fixture(const std::string& name);

// Uniform random weights that keep activations near 1, a function of shape and seed alone.
TinyModel random_model(const ModelShape& shape, uint64_t seed);

// Ops::load for every weight. The model must outlive the calls only.
void load_model(const TinyModel& model, Ops& ops);

// Counter-based noise, a function of its arguments alone: 64 bits, and uniform in [-1, 1).
uint64_t random_bits(uint64_t seed, uint64_t index);
float noise(uint64_t seed, uint64_t index);
// Token ids below `vocab`, likewise.
std::vector<int32_t> random_tokens(uint64_t seed, int count, int vocab);

}  // namespace ra
