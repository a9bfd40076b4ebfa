// The CPU as a device: "cpu" is its best instruction set, "cpu:NAME" that one.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/ops.h"

namespace ra {

// Empty if the processor lacks hardware fma.
std::vector<Device> cpu_devices();

std::vector<std::pair<std::string, std::string>> cpu_device_facts(const std::string& device);

// As open_ops, memory_need and kernel_versions in kernels/ops.h.
std::unique_ptr<Ops> open_cpu_ops(const std::string& device, const ModelShape& shape,
                                  const std::vector<KernelSet>& sets, int threads);
MemoryNeed cpu_memory_need(const std::string& device, const ModelShape& shape,
                           const std::vector<KernelSet>& sets, const Capacity& capacity);
std::vector<std::pair<std::string, std::string>> cpu_versions();

}  // namespace ra
