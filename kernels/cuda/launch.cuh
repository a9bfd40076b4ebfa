// Launching with programmatic dependent launch: the grid may start while the one before drains, and waits itself.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "kernels/cuda/check.h"
#include "kernels/cuda/kernels.h"

namespace ra::cuda {

template <class... Parameters, class... Arguments>
void launch_kernel(const Launch& launch, const char* name, void (*kernel)(Parameters...), dim3 grid,
                   int threads, size_t shared_bytes, Arguments... arguments) {
  cudaLaunchAttribute overlap = {};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = shared_bytes;
  config.stream = launch.stream;
  config.attrs = &overlap;
  config.numAttrs = 1;
  cuda_check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}

// body(width), the head's width as a constant: 32, 64 or 128.
template <class Body>
void with_head_dim(int head_dim, const Body& body) {
  if (head_dim == 32) return body(std::integral_constant<int, 32>());
  if (head_dim == 64) return body(std::integral_constant<int, 64>());
  body(std::integral_constant<int, 128>());
}

// Lets `kernel` use so much dynamic shared memory; once a kernel.
template <class Kernel>
void allow_shared(Kernel kernel, size_t bytes, const char* name) {
  cuda_check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
      name);
}

}  // namespace ra::cuda
