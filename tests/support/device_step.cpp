#include "tests/support/device_step.h"

#include <algorithm>

#include "tests/support/hopper_step.h"

namespace ra {

float oracle_step(float c, const uint16_t* a, const uint16_t* b) {
  oracle::StepOperand x, y;
  std::copy(a, a + oracle::kStepProducts, x.begin());
  std::copy(b, b + oracle::kStepProducts, y.begin());
  return oracle::hopper_step(c, x, y);
}

}  // namespace ra
