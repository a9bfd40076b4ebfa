// Every CUDA call is checked: what fails is an Error(device) that names the call's purpose and the runtime's reason.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace ra::cuda {

// Throws std::bad_alloc for memory that is not there, Error(incomplete) where the device is lost to this process, and
// Error(device) for everything else.
void cuda_check(cudaError_t status, const char* what);

// For tests of what follows from a failure: the checked call that comes after `calls` others is taken as failed with
// `status`. Returns how many calls are left before it does: negative once it has. A negative number takes it back.
int64_t fail_cuda_call(int64_t calls, cudaError_t status);

}  // namespace ra::cuda
