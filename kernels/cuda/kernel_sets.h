// The rules of the kernel sets on NVIDIA GPUs. Pure functions of a LaunchShape: they need no GPU and are in every build.
//
// `invariant` (hopper-k16/1) is numerics.md with rule 2 by the tensor cores' k16 steps: nothing but the number of summed
// values decides an order. Which kernel computes a product may depend on the rows, as all that are allowed add alike.
//
// `standard` does what stacks that people run do, with the rounding points of numerics.md. What each rule mirrors:
//   products   PyTorch on Hopper (aten/src/ATen/cuda/CUDABlas.cpp, gemm_and_bias and bgemm through cuBLASLt): the
//              library's first heuristic, 32 MiB of workspace as CUDABlas.cpp gives compute capability 9.0, every
//              reduction scheme allowed.
//   padding    vLLM 0.11 (vllm/config/compilation.py, cudagraph_capture_sizes): a step of single rows is padded to the
//              next captured size: 1, 2, 4, then every 8th to 256, then every 16th. The products see the padded rows.
//   norms      vLLM's width by the rows in a launch (kernels/set_rules.h).
//   attention  FlashAttention (csrc/flash_attn/src/heuristics, num_splits_heuristic): the smallest number of splits of
//              the keys that fills the multiprocessors to 85% of the best number's share; one where blocks alone fill
//              80% of them, and for several query rows a sequence.
#pragma once

#include <vector>

#include "kernels/kernel_choice.h"

namespace ra {

std::vector<KernelSet> cuda_kernel_sets();

// The rows that `standard` launches for `rows` single rows: the captured graph size above.
int captured_rows(int rows);

// FlashAttention's number of splits for so many blocks of work on so many multiprocessors; `key_blocks` is what can be
// split, at most `most` splits.
int flash_splits(int blocks, int multiprocessors, int key_blocks, int most);

}  // namespace ra
