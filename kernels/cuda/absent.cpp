// What a build without CUDA says.
#include "core/error.h"
#include "kernels/cuda/device.h"

namespace ra {

std::vector<Device> cuda_devices() {
  return {};
}

std::string cuda_absence(const std::string& device) {
  return "device '" + device + "': this build has no CUDA kernels; expected cpu, or a build with RA_CUDA=ON";
}

std::vector<std::pair<std::string, std::string>> cuda_device_facts(const std::string& device) {
  throw Error(Exit::device, cuda_absence(device));
}

std::unique_ptr<Ops> open_cuda_ops(const std::string& device, const ModelShape&,
                                   const std::vector<KernelSet>&, int) {
  throw Error(Exit::device, cuda_absence(device));
}

MemoryNeed cuda_memory_need(const std::string& device, const ModelShape&, const std::vector<KernelSet>&,
                            const Capacity&) {
  throw Error(Exit::device, cuda_absence(device));
}

uint64_t cuda_memory_available(const std::string& device) {
  throw Error(Exit::device, cuda_absence(device));
}

std::vector<std::pair<std::string, std::string>> cuda_versions() {
  return {{"cuda", "not in this build"}};
}

}  // namespace ra
