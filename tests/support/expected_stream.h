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

// The cases of one file; `path` ends in .fma.json. Only for trusted fixtures.
std::vector<ExpectedStream> read_expected_streams(const std::string& path);

}  // namespace ra
