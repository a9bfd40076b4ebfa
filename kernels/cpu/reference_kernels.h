// The operations of the `reference` set: fp32 in and out, every sum in double, the textbook's formulas. Results do not
// depend on rows, threads or instruction set (a product of two fp32 is exact in double, so fused or not is the same),
// but on the system's exp.
#pragma once

#include <cstdint>

#include "kernels/cpu/simd_target.h"
#include "kernels/ops.h"

namespace ra::reference {

// Sum of a[i] b[i]. Order: eight partial sums, i mod 8, ascending; then neighbours pairwise.
double dot(const float* a, const float* b, int count);

// y[r, first + j] = fp32(dot(x[r], w[first + j]) + bias[first + j]) for j in [0, count), the same bits on every target;
// x [rows, k], w [n, k], bias [n] or null, y [rows, n].
void product(SimdTarget target, const float* x, int rows, int k, const float* w, const float* bias, int n,
             int first, int count, float* y);

// y[i] = fp32(x[i] weight[i] / sqrt(mean(x^2) + eps)); y may be x. False if the sum is not finite.
bool rms_norm(const float* x, const float* weight, int count, float eps, float* y);

// One head of `head_dim` in place, in halves; `turn` is [head_dim / 2][cos, sin].
void rope(float* head, const float* turn, int head_dim);

// out[d] = sum over keys of softmax(q . k / sqrt(head_dim)) v[d], keys ascending. Key i is row i % kPageKeys of page
// pages[i / kPageKeys]; `k` and `v` point at the head's rows in page 0, and pages are `page_stride` floats apart.
// `scores` has room for `keys` numbers; `out` may be q.
void attention(const float* q, const float* k, const float* v, const int32_t* pages, size_t page_stride,
               int keys, int head_dim, double* scores, float* out);

float swiglu(float gate, float up);

}  // namespace ra::reference
