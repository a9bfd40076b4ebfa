// OpenBLAS picks a wrong kernel on some processors. What it computes is checked before anything else runs.
#pragma once

#include <string>

#include "kernels/ops.h"

namespace ra {

// Returns if OpenBLAS computes right products at the model's shapes. Else starts this program anew, once, with
// OPENBLAS_CORETYPE=Haswell, which the arms' environment then records; if that was set already: Error(device).
// Call before anything is printed or written.
void require_right_blas(const ModelShape& shape, int threads);

}  // namespace ra
