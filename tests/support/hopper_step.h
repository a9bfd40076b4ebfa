// Numerics rule 2 in class hopper-k16/1: what one step of Hopper's tensor cores computes from sixteen bf16 products
// and an fp32 accumulator, in integers. Found by measurement and written down in MMA-Sim (arXiv 2511.10909) too.
//
//   1. ex(v) is the biased exponent - 127, and -126 for denormals; zeros take no part. e is the greatest of
//      ex(a_i) + ex(b_i) over the products that are not zero, of ex(c), and of -133. (That there is a least e, and that
//      nothing below 2^-158 is seen, was measured by gpu_step_test on an H100.)
//   2. Every exact product and c is truncated towards zero to a multiple of 2^(e - 25); these are added exactly.
//   3. The sum is rounded towards zero to fp32; denormals are kept; from 2^128 on it is infinity; a sum that is zero, or rounds to
//      it, is +0.
//   4. A NaN, infinity times 0, or infinities of both signs give 0x7fffffff; else an infinity wins.
//
// The order of the sixteen products does not matter: their sum is exact.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ra::oracle {

inline constexpr int kStepProducts = 16;
using StepOperand = std::array<uint16_t, kStepProducts>;  // bf16 as stored

// One step by the rules above, as they are written.
float hopper_step(float c, const StepOperand& a, const StepOperand& b);

// The same function, some times faster: what whole models are computed with.
float fast_hopper_step(float c, const StepOperand& a, const StepOperand& b);

// acc(c, a, b): steps in ascending order over bf16 values kept as floats, both padded with zeros to a multiple of 16.
// Error(bug) if their lengths differ or a value is no bf16.
float hopper_accumulate(float c, std::span<const float> a, std::span<const float> b);

}  // namespace ra::oracle
