// Rules that kernel sets of several devices share, and the laying out of a set. Pure functions of a LaunchShape.
#pragma once

#include "kernels/kernel_choice.h"

namespace ra {

// No sum.
KernelChoice rowwise(const LaunchShape& shape);

// numerics.md rule 6: a norm's width follows from the number of values alone.
KernelChoice norm_by_size(const LaunchShape& shape);

// vLLM's CUDA kernel (csrc/layernorm_kernels.cu at 0112cf23, fused_add_rms_norm): a block of min(n, 1024) threads below 256
// tokens a launch, of min(n, 256) from there on. Lanes are a power of two here, and lanes without a value add +0: up to 256
// values every block gives the same bits.
KernelChoice norm_by_rows(const LaunchShape& shape);

// numerics.md rule 12: absolute segments of 256 keys.
KernelChoice attention_by_segments(const LaunchShape& shape);

// A set of these rules: `norm` for the four norms, `product` for the five products.
KernelSet make_kernel_set(const char* name, const char* sum_order_class, Storage storage, Rule norm,
                          Rule product, Rule attention);

}  // namespace ra
