#include "kernels/cpu/device.h"

#include <hwy/highway.h>
#include <xxhash.h>

#include <fstream>
#include <string>

#include "core/error.h"
#include "kernels/cpu/blas.h"
#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/environment.h"
#include "kernels/cpu/reference_ops.h"
#include "kernels/cpu/simd_target.h"
#include "kernels/thread_pool.h"

namespace ra {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// "cpu" is the best target, "cpu:NAME" that one.
SimdTarget find_target(const std::string& device) {
  std::vector<std::string> known;
  for (const Device& available : cpu_devices()) known.push_back(available.id);
  if (known.empty())
    throw Error(Exit::device, "device '" + device + "': this processor (" + processor_name() +
                                  ") lacks hardware fma; expected one of " +
                                  joined(generated_targets(), ", "));
  if (device == "cpu") return simd_targets().front();
  for (const SimdTarget& target : simd_targets()) {
    if (device == std::string("cpu:") + target.name) return target;
  }
  throw Error(Exit::device,
              "device '" + device + "': not available here; expected one of " + joined(known, ", "));
}

std::string version(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

std::vector<Device> cpu_devices() {
  std::vector<Device> devices;
  if (simd_targets().empty()) return devices;
  devices.push_back({"cpu", processor_name() + ", " + std::to_string(thread_count(0)) + " cores, " +
                                simd_targets().front().name});
  for (const SimdTarget& target : simd_targets())
    devices.push_back(
        {std::string("cpu:") + target.name, std::string("the same, by its ") + target.name + " kernels"});
  return devices;
}

std::vector<std::pair<std::string, std::string>> cpu_device_facts(const std::string& device) {
  return {{"processor", processor_name()},
          {"instruction set", find_target(device).name},
          {"cores", std::to_string(thread_count(0))},
          {"library", blas_description()}};
}

std::unique_ptr<Ops> open_cpu_ops(const std::string& device, const ModelShape& shape,
                                  const std::vector<KernelSet>& sets, int threads) {
  const SimdTarget target = find_target(device);
  if (sets[0].storage == Storage::fp32) return make_reference_ops(target, shape, sets, thread_count(threads));
  return std::make_unique<CpuOps>(target, shape, sets, thread_count(threads));
}

MemoryNeed cpu_memory_need(const std::string& device, const ModelShape& shape,
                           const std::vector<KernelSet>& sets, const Capacity& capacity) {
  find_target(device);
  if (!sets.empty() && sets[0].storage == Storage::fp32) return reference_memory_need(shape, capacity);
  return CpuOps::memory(shape, sets, capacity, thread_count(0));
}

std::vector<std::pair<std::string, std::string>> cpu_versions() {
  std::vector<std::string> usable;
  for (const SimdTarget& target : simd_targets()) usable.push_back(target.name);
  return {
      {"processor", processor_name()},
      {"kernels generated for", joined(generated_targets(), ", ")},
      {"kernels usable here", usable.empty() ? "none: no hardware fma" : joined(usable, ", ")},
      {"highway", version(HWY_MAJOR, HWY_MINOR, HWY_PATCH)},
      {"xxhash", version(XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE)},
      {"blas", blas_description()},
  };
}

std::map<std::string, std::string> cpu_environment(int threads) {
  return {
      {"processor", processor_name()},
      {"threads", std::to_string(threads)},
      {"xxhash", version(XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE)},
      {"compiler", __VERSION__},
      {"floating_point", "round to nearest even, denormals kept, no contraction"},
  };
}

std::map<std::string, std::string> CpuOps::environment() const {
  std::map<std::string, std::string> facts = cpu_environment(pool_.threads());
  facts.merge(blas_environment());
  facts["instruction_set"] = target_.name;
  facts["highway"] = version(HWY_MAJOR, HWY_MINOR, HWY_PATCH);
  return facts;
}

}  // namespace ra
