// Golden files under tests/golden, read for tests. They are ours and trusted: what is wrong in them is a
// failed check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"

namespace ra {

std::string golden_path(const std::string& relative);  // below tests/golden
std::string read_file(const std::string& path);
Json golden_json(const std::string& relative);
const Json& member(const Json& object, const std::string& key);
std::vector<int32_t> ids_of(const Json& array);

// An fp32 tensor of a safetensors file, in row order.
struct GoldenTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
GoldenTensor golden_tensor(const std::string& relative, const std::string& name);

// The sample model's path if it is on this machine ($REPRO_AUDIT_MODEL, else the user's data folder), else
// empty.
std::string sample_model();

}  // namespace ra
