// OpenBLAS picks wrong kernels on some processors, and old ones on those it does not know. Both are looked for before
// anything else runs.
#pragma once

#include <string>

#include "kernels/ops.h"

namespace ra {

// Returns if OpenBLAS computes right products at the model's shapes, and not with kernels older than the processor. Else
// starts this program anew, once, with OPENBLAS_CORETYPE=Haswell, which the arms' environment then records. Where that
// variable is set, old kernels stay, and wrong products are Error(device).
// Call before anything is printed or written.
void require_right_blas(const ModelShape& shape, int threads);

}  // namespace ra
