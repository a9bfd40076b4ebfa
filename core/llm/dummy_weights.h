// The weights of a model that is only a config.json: what kernels/dummy_weights.h makes of them, and their names.
//
// Deviations: 1 for the embedding; 1.6 / sqrt(k) for matrices of k inputs, so that activations keep their size from
// layer to layer; norms are 1 and biases 0, give or take 0.054.
#pragma once

#include <cstdint>

#include "core/llm/family.h"
#include "core/llm/weight_table.h"
#include "kernels/dummy_weights.h"

namespace ra {

inline constexpr const char* kDummyGenerator = "repro-audit-dummy/1";

// Of a layer's weight, and of what its product adds.
DummyTensor dummy_weight(uint64_t seed, const WeightName& weight, int layer, const ModelShape& shape);
DummyTensor dummy_bias(uint64_t seed, const WeightName& weight, int layer);

// Every tensor that a safetensors checkpoint of this shape holds, as bf16 without a place in a file.
WeightTable dummy_weight_table(const ModelShape& shape);

}  // namespace ra
