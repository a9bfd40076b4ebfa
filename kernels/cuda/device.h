// NVIDIA GPUs as devices, "cuda:0", "cuda:1", ...: Hopper (compute capability 9.0). A build without CUDA has absent.cpp in
// place of all this.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/ops.h"

namespace ra {

// Those that the kernels run on. Never throws: without a driver there are none.
std::vector<Device> cuda_devices();

// Why `device`, which begins with "cuda", is not among them: what was found, and what is expected. One sentence.
std::string cuda_absence(const std::string& device);

std::vector<std::pair<std::string, std::string>> cuda_device_facts(const std::string& device);

// As open_ops, memory_need and kernel_versions in kernels/ops.h; `device` is one of cuda_devices().
std::unique_ptr<Ops> open_cuda_ops(const std::string& device, const ModelShape& shape,
                                   const std::vector<KernelSet>& sets, int threads);
MemoryNeed cuda_memory_need(const std::string& device, const ModelShape& shape,
                            const std::vector<KernelSet>& sets, const Capacity& capacity);
uint64_t cuda_memory_available(const std::string& device);
std::vector<std::pair<std::string, std::string>> cuda_versions();

}  // namespace ra
