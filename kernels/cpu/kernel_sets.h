// The rules of the CPU's named kernel sets. Pure functions of a LaunchShape; the BLAS's name is read once.
//
// `invariant` (cpu-fma512/1) is numerics.md: nothing but the number of summed values decides an order.
//
// `standard` does what stacks that people run do, with the rounding points of numerics.md. What each rule
// mirrors:
//   products   NumPy's matmul on OpenBLAS (2.x, numpy/_core/src/umath/matmul.c.src, FLOAT_matmul): gemv for
//   one row, gemm
//              for more, in the library's own threads.
//   norms      vLLM's CUDA kernel, its width by the rows in a launch (kernels/set_rules.h). CPU stacks (vLLM's
//              csrc/cpu/layernorm.cpp among them) use one width for all launches; this rule is here because a norm's
//              width is where a deployed engine lost invariance.
//   attention  llama.cpp's CPU backend (ggml/src/ggml-cpu/ops.cpp at 0049e3cb,
//   ggml_compute_forward_flash_attn_ext_f16):
//              with one row in the launch and 512 keys or more, each thread takes an equal share of the keys;
//              otherwise a row's keys are one share. Its cache pads the number of keys to 256
//              (src/llama-kv-cache.cpp, get_n_kv), and the shares are cut from the padded number. vLLM's own
//              CPU scheduler splits only where there are more threads than KV heads, so not on small
//              machines.
//   padding    none: decode rows are padded to captured graph sizes on GPUs only.
//
// `reference` sums in double.
#pragma once

#include <vector>

#include "kernels/kernel_choice.h"

namespace ra {

std::vector<KernelSet> cpu_kernel_sets();

}  // namespace ra
