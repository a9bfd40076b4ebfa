// Which GPUs there are, and why one is not.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "core/error.h"
#include "kernels/cuda/cuda_ops.h"
#include "kernels/cuda/device.h"

namespace ra {
namespace {

using cuda::cuda_check;

constexpr int kMajor = 9, kMinor = 0;  // Hopper: the only code in this build

std::string version_text(int version) {  // 13000: 13.0
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

int driver_version() {
  int version = 0;
  cudaDriverGetVersion(&version);
  return version;
}

// GPUs that the driver shows, whatever they are; 0 without a driver.
int visible_gpus(cudaError_t& status) {
  int count = 0;
  status = cudaGetDeviceCount(&count);
  cudaGetLastError();
  return status == cudaSuccess ? count : 0;
}

bool is_supported(const cudaDeviceProp& gpu) {
  return gpu.major == kMajor && gpu.minor == kMinor;
}

cudaDeviceProp properties(int number) {
  cudaDeviceProp gpu;
  cuda_check(cudaGetDeviceProperties(&gpu, number), "a device's properties");
  return gpu;
}

std::string capability(const cudaDeviceProp& gpu) {
  return std::to_string(gpu.major) + "." + std::to_string(gpu.minor);
}

std::string gib(size_t bytes) {
  return std::to_string((bytes + (size_t{1} << 29)) >> 30) + " GiB";
}

// The number in "cuda:N"; -1 if it is none.
int number_of(const std::string& device) {
  const std::string digits = device.rfind("cuda:", 0) == 0 ? device.substr(5) : "";
  if (digits.empty() || digits.size() > 4 || !std::all_of(digits.begin(), digits.end(), ::isdigit)) return -1;
  return std::stoi(digits);
}

// The driver's release, which its CUDA version does not tell; empty where the system does not say.
std::string driver_release() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  return line;
}

std::string library_version() {
  try {
    return "cuBLASLt " + cuda::BlasLt::find_version();
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

std::vector<Device> cuda_devices() {
  std::vector<Device> devices;
  cudaError_t status;
  const int count = visible_gpus(status);
  for (int number = 0; number < count; ++number) {
    cudaDeviceProp gpu;
    if (cudaGetDeviceProperties(&gpu, number) != cudaSuccess || !is_supported(gpu)) continue;
    devices.push_back({"cuda:" + std::to_string(number), std::string(gpu.name) + ", compute capability " +
                                                             capability(gpu) + ", " +
                                                             std::to_string(gpu.multiProcessorCount) +
                                                             " multiprocessors, " + gib(gpu.totalGlobalMem)});
  }
  return devices;
}

std::string cuda_absence(const std::string& device) {
  const std::string expected =
      "; expected a GPU of compute capability 9.0 (H100, H200) and a driver for CUDA 13";
  cudaError_t status;
  const int count = visible_gpus(status);
  const std::string start = "device '" + device + "': ";
  if (driver_version() == 0) return start + "no NVIDIA driver found" + expected;
  if (status != cudaSuccess && status != cudaErrorNoDevice)
    return start + "the driver (CUDA " + version_text(driver_version()) +
           ") says: " + cudaGetErrorString(status) + expected;
  if (count == 0) return start + "the driver shows no GPU (is CUDA_VISIBLE_DEVICES set?)" + expected;
  const bool asks_for_any = device == "cuda" && !is_supported(properties(0));
  const int number = asks_for_any ? 0 : number_of(device);
  if (number < 0) return start + "found no number; expected cuda:0 to cuda:" + std::to_string(count - 1);
  if (number >= count) return start + "the driver shows " + std::to_string(count) + " GPUs" + expected;
  const cudaDeviceProp gpu = properties(number);
  return start + gpu.name + " has compute capability " + capability(gpu) + expected;
}

std::vector<std::pair<std::string, std::string>> cuda_device_facts(const std::string& device) {
  const int number = number_of(device);
  const cudaDeviceProp gpu = properties(number);
  cuda_check(cudaSetDevice(number), "the device");
  size_t free_bytes = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free_bytes, &total), "the device's memory");
  return {{"gpu", gpu.name},
          {"compute capability", capability(gpu)},
          {"multiprocessors", std::to_string(gpu.multiProcessorCount)},
          {"memory", gib(total) + ", " + gib(free_bytes) + " free"},
          {"driver", "for CUDA " + version_text(driver_version())},
          {"runtime", "CUDA " + version_text(CUDART_VERSION)},
          {"driver release", driver_release()},
          {"library", library_version()}};
}

std::unique_ptr<Ops> open_cuda_ops(const std::string& device, const ModelShape& shape,
                                   const std::vector<KernelSet>& sets, int threads) {
  const auto refuse = [&](const std::string& what) {
    throw Error(Exit::device, "device '" + device + "': " + what);
  };
  for (const KernelSet& set : sets) {
    if (set.storage != Storage::bf16)
      refuse("has no kernels for fp32 weights; expected a set of bf16 storage");
  }
  if (shape.head_dim != 32 && shape.head_dim != 64 && shape.head_dim != 128)
    refuse("head_dim " + std::to_string(shape.head_dim) + "; expected 32, 64 or 128");
  if (shape.heads / shape.kv_heads > cuda::kMaxGroup)
    refuse(std::to_string(shape.heads / shape.kv_heads) + " query heads a KV head; expected at most " +
           std::to_string(cuda::kMaxGroup));
  if (shape.hidden % 8 != 0 || shape.ffn % 8 != 0)
    refuse("hidden " + std::to_string(shape.hidden) + " and ffn " + std::to_string(shape.ffn) +
           "; expected multiples of 8");
  cuda_check(cudaSetDevice(number_of(device)), "the device");
  return std::make_unique<cuda::CudaOps>(shape, thread_count(threads));
}

MemoryNeed cuda_memory_need(const std::string& device, const ModelShape& shape, const std::vector<KernelSet>&,
                            const Capacity& capacity) {
  return cuda::CudaOps::memory(shape, capacity, properties(number_of(device)).multiProcessorCount);
}

uint64_t cuda_memory_available(const std::string& device) {
  cuda_check(cudaSetDevice(number_of(device)), "the device");
  size_t free_bytes = 0, total = 0;
  cuda_check(cudaMemGetInfo(&free_bytes, &total), "the device's memory");
  return free_bytes;
}

std::vector<std::pair<std::string, std::string>> cuda_versions() {
  const int driver = driver_version();
  return {{"cuda runtime", version_text(CUDART_VERSION)},
          {"cuda driver", driver == 0 ? "none found" : "for CUDA " + version_text(driver)}};
}

namespace cuda {

std::string CudaOps::timed_machine() const {
  const std::map<std::string, std::string> facts = environment();
  std::string text = "repro-audit product timings 4";
  for (const char* name : {"gpu", "multiprocessors", "cuda_driver", "driver_release", "cublaslt"})
    text += ", " + facts.at(name);
  return text;
}

std::map<std::string, std::string> CudaOps::environment() const {
  int number = 0;
  cuda_check(cudaGetDevice(&number), "the device");
  const cudaDeviceProp gpu = properties(number);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string uuid;
  for (const char byte : gpu.uuid.bytes) {
    uuid += kDigits[static_cast<unsigned char>(byte) >> 4];
    uuid += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return {
      {"gpu", gpu.name},
      {"gpu_uuid", uuid},
      {"compute_capability", capability(gpu)},
      {"multiprocessors", std::to_string(gpu.multiProcessorCount)},
      {"memory_bytes", std::to_string(gpu.totalGlobalMem)},
      {"cuda_driver", version_text(driver_version())},
      {"cuda_runtime", version_text(CUDART_VERSION)},
      {"driver_release", driver_release()},
      {"cublaslt", products_.library_version()},
      {"compiler", __VERSION__},
      {"floating_point", "round to nearest even, denormals kept, no contraction"},
  };
}

}  // namespace cuda
}  // namespace ra
