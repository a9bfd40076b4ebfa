#include "kernels/cuda/check.h"

#include <new>
#include <string>

#include "core/error.h"

namespace ra::cuda {
namespace {

// After these nothing more can be computed in this process.
bool is_sticky(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorMisalignedAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorAssert:
    case cudaErrorContained:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

}  // namespace

void cuda_check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // what is not sticky is done with
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw Error(is_sticky(status) ? Exit::incomplete : Exit::device,
              std::string("CUDA: ") + what + ": " + cudaGetErrorString(status) + " (" +
                  cudaGetErrorName(status) + "); expected success");
}

}  // namespace ra::cuda
