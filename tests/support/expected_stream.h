// Streams that other implementations of the numerics page gave (tests/golden/numerics): what `invariant` and
// the oracle must give bit for bit. Those of class hopper-k16/1 are by a script in numpy whose steps are sums of doubles;
// in the other class it gave the same streams as the implementation that those are from.
#pragma once

#include <string>
#include <vector>

#include "kernels/ops.h"
#include "tests/support/oracle.h"

namespace ra {

struct ExpectedStream {
  std::vector<int32_t> prompt;
  std::vector<HeadResult> steps;  // `finite` is true
  std::string run_digest;         // hex
};

// The cases of a fixture by its checkpoint's name: "qwen3-bf16". In class k16 there are those of llama-tied-bf16,
// qwen2-bf16 and qwen3-bf16.
std::vector<ExpectedStream> read_expected_streams(const std::string& name,
                                                  oracle::SumOrder order = oracle::SumOrder::fma512);

}  // namespace ra
