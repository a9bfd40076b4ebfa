#include "tests/support/device_step.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "tests/support/hopper_step.h"

namespace ra {
namespace {

uint64_t next(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

uint16_t value_of(int kind, uint64_t random) {
  const auto bits = static_cast<uint16_t>(random);
  const auto with_exponent = [&](int least, int count) {
    return static_cast<uint16_t>((bits & 0x807f) | (least + static_cast<int>(random >> 32) % count) << 7);
  };
  switch (kind) {
    case 0:
      return bits;
    case 1:
      return with_exponent(125, 4);
    case 2:
      return with_exponent(70, 120);
    case 3:
      return with_exponent(0, 3);
    case 4:
      return random >> 40 & 3 ? static_cast<uint16_t>(bits & 0x8000) : with_exponent(120, 12);
    default:
      check(kind == 5, "a kind of values");
      return with_exponent(40, 30);
  }
}

}  // namespace

float oracle_step(float c, const uint16_t* a, const uint16_t* b) {
  oracle::StepOperand x, y;
  std::copy(a, a + oracle::kStepProducts, x.begin());
  std::copy(b, b + oracle::kStepProducts, y.begin());
  return oracle::hopper_step(c, x, y);
}

float draw_step(int kind_a, int kind_b, int trial, uint64_t& state, uint16_t* a, uint16_t* b) {
  for (int i = 0; i < oracle::kStepProducts; ++i) {
    a[i] = value_of(kind_a, next(state));
    b[i] = value_of(kind_b, next(state));
  }
  const float any = std::bit_cast<float>(static_cast<uint32_t>(next(state)));
  const float sum = oracle_step(0.0f, a, b);
  switch (trial % 4) {
    case 0:
      return any;
    case 1:
      return sum * 0.75f;
    case 2:
      return -sum;
    default:
      return 0.0f;
  }
}

}  // namespace ra
