// What --device may name on this machine, and the Ops behind it.
#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "kernels/cpu/device.h"
#include "kernels/cuda/device.h"
#include "kernels/ops.h"

namespace ra {
namespace {

// Error(device) if it is no GPU that can be used here.
bool is_cuda(const std::string& device) {
  if (device.rfind("cuda", 0) != 0) return false;
  const std::vector<Device> devices = cuda_devices();
  const bool there =
      std::any_of(devices.begin(), devices.end(), [&](const Device& found) { return found.id == device; });
  if (!there) throw Error(Exit::device, cuda_absence(device));
  return true;
}

// What the system has available, within this process's control group's limit.
uint64_t system_memory_available() {
  uint64_t available = UINT64_MAX;
  std::ifstream system("/proc/meminfo");
  std::string word;
  while (system >> word) {
    if (word != "MemAvailable:") continue;
    uint64_t kib = 0;
    if (system >> kib) available = kib << 10;
    break;
  }
  // The limit as a whole: what the group uses now is mostly file cache, which the system gives back. "max" is no number.
  std::ifstream group("/sys/fs/cgroup/memory.max");
  uint64_t limit = 0;
  if (group >> limit) available = std::min(available, limit);
  return available;
}

}  // namespace

std::vector<Device> available_devices() {
  std::vector<Device> devices = cuda_devices();
  for (Device& device : cpu_devices()) devices.push_back(std::move(device));
  return devices;
}

std::vector<std::pair<std::string, std::string>> device_facts(const std::string& device) {
  return is_cuda(device) ? cuda_device_facts(device) : cpu_device_facts(device);
}

std::string gpu_absence(const std::string& device) {
  return cuda_absence(device);
}

std::unique_ptr<Ops> open_ops(const std::string& device, const ModelShape& shape,
                              const std::vector<KernelSet>& sets, int threads) {
  check(!sets.empty(), "a kernel set to open a device for");
  for (const KernelSet& set : sets) check(set.storage == sets[0].storage, "kernel sets of one storage");
  return is_cuda(device) ? open_cuda_ops(device, shape, sets, threads)
                         : open_cpu_ops(device, shape, sets, threads);
}

MemoryNeed memory_need(const std::string& device, const ModelShape& shape, const std::vector<KernelSet>& sets,
                       const Capacity& capacity) {
  return is_cuda(device) ? cuda_memory_need(device, shape, sets, capacity)
                         : cpu_memory_need(device, shape, sets, capacity);
}

uint64_t memory_available(const std::string& device) {
  return is_cuda(device) ? cuda_memory_available(device) : system_memory_available();
}

std::vector<std::pair<std::string, std::string>> kernel_versions() {
  std::vector<std::pair<std::string, std::string>> versions = cpu_versions();
  for (auto& version : cuda_versions()) versions.push_back(std::move(version));
  return versions;
}

}  // namespace ra
