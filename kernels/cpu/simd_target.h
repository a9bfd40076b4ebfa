// The instruction sets that the kernels were generated for, and their choice at run time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ra {

// One generated target, as an index into the tables that Highway's HWY_EXPORT makes.
struct SimdTarget {
  const char* name = nullptr;  // "avx2", "avx512", "neon"
  size_t index = 0;
};

// The generated targets that this processor has, the best one first. Empty if it lacks hardware fma.
const std::vector<SimdTarget>& simd_targets();
// The names of all generated ones, the best one first.
std::vector<std::string> generated_targets();

}  // namespace ra

// Calls FUNC as generated for `target`; for files that have HWY_EXPORT(FUNC).
#define RA_CALL(target, FUNC) (*HWY_DISPATCH_TABLE(FUNC)[(target).index])
