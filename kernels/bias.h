// The biases of a product as its parts bring them.
#pragma once

#include <vector>

#include "kernels/ops.h"

namespace ra {

// One after the other, as many values as the parts have rows; empty if `wanted` is false. Error(bug) if some part has a
// bias and should not, or the other way round.
std::vector<float> read_bias(const Parts& parts, bool wanted);

}  // namespace ra
