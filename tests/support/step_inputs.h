// Operands of a tensor core's step that are hard to get right, by kind: for the oracle against itself and for a device
// against the oracle.
#pragma once

#include <array>
#include <cstdint>

#include "tests/support/hopper_step.h"

namespace ra {

enum class StepKind : uint8_t {
  normal,         // exponents within 8 of 0
  wide,           // within 60
  denormal,       // one side and the accumulator denormal
  tiny,           // products about 2^-149 and far below
  tiny_and_zero,  // the same, most of them zeros
  cancelling,     // products in pairs of opposite sign, one of which is off by one unit or not at all
  zeros,          // three of four operands are zeros of either sign
  any_finite,
  any_bits,  // infinities and NaNs among them
  near_overflow,
};
inline constexpr std::array kStepKinds = {
    StepKind::normal,     StepKind::wide,  StepKind::denormal,   StepKind::tiny,     StepKind::tiny_and_zero,
    StepKind::cancelling, StepKind::zeros, StepKind::any_finite, StepKind::any_bits, StepKind::near_overflow};
const char* step_kind_name(StepKind kind);

struct StepOperands {
  float c = 0;
  oracle::StepOperand a{}, b{};
};
// A function of its arguments alone.
StepOperands random_step(StepKind kind, uint64_t index);

}  // namespace ra
