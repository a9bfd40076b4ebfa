// Ops for Storage::fp32: what the other sets are judged by. Weights as stored or dequantised, activations and cache in
// fp32; every sum in double (kernels/cpu/reference_kernels.h); no rounding to bf16 anywhere.
#pragma once

#include <memory>
#include <vector>

#include "kernels/cpu/simd_target.h"
#include "kernels/ops.h"

namespace ra {

// For open_ops: `threads` is at least 1.
std::unique_ptr<Ops> make_reference_ops(SimdTarget target, const ModelShape& shape,
                                        const std::vector<KernelSet>& sets, int threads);

MemoryNeed reference_memory_need(const ModelShape& shape, const Capacity& capacity);

}  // namespace ra
