// The scalar implementation of the numerics page: plain loops, std::fma, one function a rule. It is the oracle of
// every fast kernel, so nothing here is shared with kernels/, and nothing is fast on purpose. The sum-order class,
// the only thing in which streams of the page differ, is a value that every rule with a sum of products takes.
//
// A stored bf16 value is kept as the float that it widens to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace ra::oracle {

// Rule 2's classes: cpu-fma512/1 and hopper-k16/1.
enum class SumOrder : uint8_t { fma512, k16 };
// By the name that a kernel set states. Error(bug) for a class that the page does not define ("opaque", "fp64").
SumOrder sum_order_of(const std::string& sum_order_class);

// Rule 0. B(x): bf16 by round to nearest even, widened again. A NaN stays a (quiet) NaN.
float bf16(float x);
uint16_t bf16_bits(float x);          // the stored 16 bits of B(x)
float from_bf16_bits(uint16_t bits);  // exact

// Rule 1. Pairwise sum of values[0..L); L is a power of two.
float tree(std::span<const float> values);

// Rule 2 from `sum` over ascending i. fma512: fma(a_i, b_i, sum), one chain. k16: tensor-core steps, whose a_i and b_i
// must be bf16 (tests/support/hopper_step.h).
float accumulate(SumOrder order, float sum, std::span<const float> a, std::span<const float> b);

// A weight matrix, output by output side by side: values[k][n], so that the loop over outputs is the inner
// one.
struct Matrix {
  int n = 0;  // outputs
  int k = 0;  // inputs
  std::vector<float> values;
  std::vector<float> bias = {};  // [n], or empty
};
// `rows` holds [n, k], as checkpoints do; rounded to bf16 here.
Matrix matrix_of(int n, int k, std::span<const float> rows);

// Rules 2 and 3 without the rounding: s[n] = sum over k of x_k w_nk. fma512: in chunks of 512 each from +0, the chunk
// sums added ascending from the first. k16: one accumulate from +0. x is [k].
std::vector<float> linear_sums(SumOrder order, std::span<const float> x, const Matrix& w);
// Rule 3: y = B(s), with a bias y = B(s + b).
std::vector<float> linear(SumOrder order, std::span<const float> x, const Matrix& w);

// Rule 5. h = B(h + d), in place.
void add_residual(std::span<float> h, std::span<const float> d);

// Rule 6, the sum over x.size() values in 256 or 1024 lanes.
float sum_of_squares(std::span<const float> x);
// Rule 6. y over x.size() values; `weight` is as long. Error(bug) if the sum of squares is not finite.
std::vector<float> rms_norm(std::span<const float> x, std::span<const float> weight, float eps);

// Rule 7. 2^u as p * 2^i, for |u| <= 2^20.
struct Exp2 {
  int32_t i = 0;
  float p = 1;
};
Exp2 exp2_pair(float u);
float exp2(float u);            // p * 2^i; 0 for i < -125; only for u <= 125
float power_of_two(int64_t i);  // 2^i; 0 for i < -125; i <= 125

// Rule 8. One element.
float swiglu(float gate, float up);

// Rule 9. [positions][head_dim / 2][cos, sin] in fp32. pow, cos and sin are libm's here: their fp32 roundings
// are what another implementation must meet.
std::vector<float> rope_table(const RopeSpec& spec, int head_dim, int positions);
// One head, in place; `row` is the table's row of its position, [head_dim / 2][cos, sin].
void rope(std::span<float> head, std::span<const float> row);

// One layer's cache of one sequence by absolute key: a row of K (after RoPE) and of V, each [kv_heads *
// head_dim].
struct KeyValues {
  std::vector<std::vector<float>> k, v;
};
// Rule 12. What a segment leaves: the integer maximum, l and O [head_dim].
struct SegmentState {
  bool empty = true;  // no visible key; m is then minus infinity
  int32_t m = 0;
  float l = 0;
  std::vector<float> o;
};
// Rules 11 and 12. Query head q [head_dim] over the keys [first, first + 256) that are below `keys`.
SegmentState segment(SumOrder order, std::span<const float> q, const KeyValues& cache, int kv_head, int first,
                     int keys);
// Rule 13. `later` merged into `sum`; an empty state changes nothing.
void merge(SegmentState& sum, const SegmentState& later);
// Rule 14.
std::vector<float> attention_output(const SegmentState& state);
// Rules 11 to 14. One query head over keys [0, keys) of one kv head: the attention's output, [head_dim].
std::vector<float> attention(SumOrder order, std::span<const float> q, const KeyValues& cache, int kv_head,
                             int keys);

// Rule 16. What the head says about one row of sums, [vocab]; `logits` receives the logits as used.
HeadResult head(std::span<const float> sums, bool fp32_logits, std::vector<float>* logits = nullptr);
// Rule 16, a step's digest.
uint64_t logits_digest(std::span<const float> logits);

}  // namespace ra::oracle
