#include "kernels/cuda/check.h"

#include <atomic>
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

std::atomic<int64_t> calls_to_failure{-1};
std::atomic<cudaError_t> planned_failure{cudaSuccess};

}  // namespace

int64_t fail_cuda_call(int64_t calls, cudaError_t status) {
  planned_failure = status;
  return calls_to_failure.exchange(calls);
}

void cuda_check(cudaError_t status, const char* what) {
  if (calls_to_failure >= 0 && calls_to_failure-- == 0) status = planned_failure;
  if (status == cudaSuccess) return;
  cudaGetLastError();  // what is not sticky is done with
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  throw Error(is_sticky(status) ? Exit::incomplete : Exit::device,
              std::string("CUDA: ") + what + ": " + cudaGetErrorString(status) + " (" +
                  cudaGetErrorName(status) + "); expected success");
}

}  // namespace ra::cuda
