// OpenBLAS, which computes the products of `standard`. Its sum order is opaque: what is known is the library,
// its version and processor core, the routine, the sizes and the threads, and all of them are recorded.
#pragma once

#include <map>
#include <string>

#include "kernels/kernel_choice.h"

namespace ra {

// y[r,n] = sum over k of x[r,k] w[n,k]: sgemv or sgemm as `choice` says. x [rows, k], w [n, k], y [rows, n],
// row after row. y is overwritten whatever it held. Not from several threads at once: the library brings its
// own.
void blas_product(const KernelChoice& choice, int rows, int n, int k, const float* x, const float* w,
                  float* y);

// "openblas 0.3.21 Zen": name, version, and the processor core whose kernels it uses here.
std::string blas_library();
// The library's own line about its build, and its core.
std::string blas_description();
// Facts for the record; OPENBLAS_CORETYPE is what the environment says, "not set" otherwise.
std::map<std::string, std::string> blas_environment();

// Threads of every later product in this process; at most blas_max_threads(). Cheap if nothing changes.
void set_blas_threads(int threads);
int blas_threads();
int blas_max_threads();

}  // namespace ra
