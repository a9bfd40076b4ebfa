// RoPE's table, numerics.md rule 9: in double by own routines, because libm's results differ between versions.
#pragma once

#include <vector>

#include "kernels/ops.h"

namespace ra {

// x^y for x > 0, to about one unit in the last place.
double power(double x, double y);
// sin and cos of 0 <= angle < 2^20.
struct SinCos {
  double sin = 0;
  double cos = 0;
};
SinCos sin_cos(double angle);

// theta_j in fp32, [head_dim / 2].
std::vector<float> rope_frequencies(const RopeSpec& spec, int head_dim);
// Rows [first, first + count) of the table, each [head_dim / 2][cos, sin].
void rope_rows(const std::vector<float>& frequencies, int first, int count, float* out);

}  // namespace ra
