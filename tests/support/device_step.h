// The oracle's k16 step for a test that a GPU's compiler reads: C++17.
#pragma once

#include <cstdint>

namespace ra {

// oracle::hopper_step over 16 values of each operand.
float oracle_step(float c, const uint16_t* a, const uint16_t* b);

}  // namespace ra
