// Every CUDA call is checked: what fails is an Error(device) that names the call's purpose and the runtime's reason.
#pragma once

#include <cuda_runtime_api.h>

namespace ra::cuda {

// Throws std::bad_alloc for memory that is not there, Error(incomplete) where the device is lost to this process, and
// Error(device) for everything else.
void cuda_check(cudaError_t status, const char* what);

}  // namespace ra::cuda
