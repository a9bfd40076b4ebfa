#include "kernels/cuda/check.h"

#include <new>
#include <string>

#include "core/error.h"

namespace ra::cuda {

void cuda_check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // what is not sticky is done with
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw Error(Exit::device, std::string("CUDA: ") + what + ": " + cudaGetErrorString(status) + " (" +
                                cudaGetErrorName(status) + "); expected success");
}

}  // namespace ra::cuda
