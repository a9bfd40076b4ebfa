#include "kernels/bias.h"

#include "core/error.h"

namespace ra {

std::vector<float> read_bias(const Parts& parts, bool wanted) {
  std::vector<float> values;
  for (const RowSource& part : parts) {
    check(static_cast<bool>(part.read_bias) == wanted, "biases where the model's shape says so");
    if (!wanted) continue;
    const size_t begin = values.size();
    values.resize(begin + static_cast<size_t>(part.rows));
    part.read_bias(values.data() + begin);
  }
  return values;
}

}  // namespace ra
