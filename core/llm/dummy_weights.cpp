#include "core/llm/dummy_weights.h"

#include <cmath>
#include <map>
#include <span>
#include <string>

#include "core/hash.h"

namespace ra {
namespace {

constexpr double kEmbeddingDeviation = 1.0;
constexpr double kMatrixDeviation = 1.6;    // times 1 / sqrt(inputs)
constexpr float kNarrowScale = 0x1.8p-20f;  // of norms and biases

// The scale that gives a deviation, to the nearest of 7 significant bits.
float scale_of(double deviation) {
  int exponent = 0;
  const double fraction = std::frexp(deviation / kDummyDeviation, &exponent);
  return static_cast<float>(std::ldexp(std::floor(fraction * 128 + 0.5), exponent - 7));
}

uint64_t key_of(uint64_t seed, const WeightName& weight, int layer, const char* ending) {
  const std::string name = tensor_name(weight.safetensors, layer, ending);
  return dummy_key(seed, xxh3_64(std::as_bytes(std::span(name))));
}

StoredTensor stored(const WeightName& weight, int layer, const char* ending, int64_t rows, int64_t columns) {
  StoredTensor tensor;
  tensor.name = tensor_name(weight.safetensors, layer, ending);
  tensor.type = TensorType::bf16;
  tensor.rows = rows;
  tensor.columns = columns;
  tensor.bytes = static_cast<uint64_t>(rows * columns) * 2;
  return tensor;
}

}  // namespace

DummyTensor dummy_weight(uint64_t seed, const WeightName& weight, int layer, const ModelShape& shape) {
  DummyTensor tensor{.key = key_of(seed, weight, layer, ".weight")};
  if (weight.rows == Extent::one) {
    tensor.scale = kNarrowScale;
    tensor.offset = 1;
  } else if (weight.role == Role::embed) {
    tensor.scale = scale_of(kEmbeddingDeviation);
  } else {
    tensor.scale = scale_of(kMatrixDeviation / std::sqrt(extent_of(weight.columns, shape)));
  }
  return tensor;
}

DummyTensor dummy_bias(uint64_t seed, const WeightName& weight, int layer) {
  return {.key = key_of(seed, weight, layer, ".bias"), .scale = kNarrowScale};
}

WeightTable dummy_weight_table(const ModelShape& shape) {
  WeightTable table;
  std::map<Role, int> parts;
  for (const WeightName& weight : weight_names(shape)) {
    const int part = parts[weight.role]++;
    const int rows = extent_of(weight.rows, shape), columns = extent_of(weight.columns, shape);
    for (int layer = 0; layer < (has_layers(weight) ? shape.layers : 1); ++layer) {
      WeightPlace& place = table.places[{weight.role, layer, part}];
      place.weight = table.tensors.size();
      table.tensors.push_back(stored(weight, layer, ".weight", rows, columns));
      if (!has_bias(shape, weight.role)) continue;
      place.bias = table.tensors.size();
      table.tensors.push_back(stored(weight, layer, ".bias", 1, rows));
    }
  }
  return table;
}

}  // namespace ra
