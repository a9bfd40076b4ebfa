// Streams that another implementation of the numerics page gave (tests/golden/numerics): what `invariant` and
// the oracle must give bit for bit.
#pragma once

#include <string>
#include <vector>

#include "kernels/ops.h"

namespace ra {

struct ExpectedStream {
  std::vector<int32_t> prompt;
  std::vector<HeadResult> steps;  // `finite` is true
  std::string run_digest;         // hex
};

// The cases of a fixture by its checkpoint's name: "qwen3-bf16".
std::vector<ExpectedStream> read_expected_streams(const std::string& name);

}  // namespace ra
