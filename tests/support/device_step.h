// Operands of a k16 step by pairs of kinds, and what the oracle makes of them, for tests that a GPU's compiler reads too:
// C++17.
#pragma once

#include <cstdint>

namespace ra {

// oracle::hopper_step over 16 values of each operand.
float oracle_step(float c, const uint16_t* a, const uint16_t* b);

// Kinds of bf16 values: any bits, exponents in a narrow or a wide range, denormals, often zero, tiny.
constexpr int kValueKinds = 6;

// Fills a and b, 16 values each of their kinds, and returns c: any bits, of the products' size, their negation, so that
// little is left, or zero, as `trial` goes on. `state` is not 0 and moves on.
float draw_step(int kind_a, int kind_b, int trial, uint64_t& state, uint16_t* a, uint16_t* b);

}  // namespace ra
