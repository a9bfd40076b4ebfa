#include "kernels/kernel_choice.h"

#include "core/error.h"
#include "kernels/cpu/kernel_sets.h"
#include "kernels/cuda/kernel_sets.h"

namespace ra {

const char* role_name(Role role) {
  static constexpr const char* kNames[kRoles] = {
      "embed",    "attention_norm", "qkv",    "qk_norm_rope", "attention",  "o",
      "ffn_norm", "gate_up",        "swiglu", "down",         "final_norm", "lm_head"};
  return kNames[static_cast<size_t>(role)];
}

std::string KernelChoice::sum_order() const {
  const auto library_call = [this](const char* routine) {
    return library + ": " + routine + " m=" + std::to_string(rows) + " n=" + std::to_string(n) +
           " k=" + std::to_string(k);
  };
  switch (algorithm) {
    case Algorithm::rowwise:
      return "no sum";
    case Algorithm::lanes:
      return std::to_string(lanes) + " lanes, tree";
    case Algorithm::fma_chain:
      return "ascending fma, chunks of 512";
    case Algorithm::blas_gemv:
      return library_call("sgemv");
    case Algorithm::blas_gemm:
      return library_call("sgemm");
    case Algorithm::segments:
      return "segments of " + std::to_string(split_keys) + " keys, ascending";
    case Algorithm::splits:
      if (splits == 1) return "one share of all keys";
      return std::to_string(splits) + " shares of " + std::to_string(split_keys) + " keys, ascending";
    case Algorithm::fp64:
      return "double";
    case Algorithm::k16_steps:
      return "ascending k16 steps";
    case Algorithm::lt_heuristic:
      return library_call(kernel.c_str());
  }
  throw Error(Exit::bug, "internal error: an algorithm without a name");
}

// Tiles of our own kernels are the same for every launch, but for the products by k16 steps.
std::string KernelChoice::text() const {
  return algorithm == Algorithm::k16_steps ? sum_order() + ": " + kernel : sum_order();
}

namespace {

std::vector<KernelSet> kernel_sets(const std::string& device) {
  if (device == "cpu" || device.rfind("cpu:", 0) == 0) return cpu_kernel_sets();
  if (device.rfind("cuda:", 0) == 0) return cuda_kernel_sets();
  throw Error(Exit::device,
              "device '" + device + "': not known to this build; expected cpu, cpu:TARGET or cuda:NUMBER");
}

}  // namespace

KernelSet find_kernel_set(const std::string& device, const std::string& name) {
  std::string known;
  for (KernelSet& set : kernel_sets(device)) {
    if (set.name == name) return std::move(set);
    known += (known.empty() ? "" : ", ") + set.name;
  }
  throw Error(Exit::usage,
              "kernel set '" + name + "': not one that " + device + " has; expected one of " + known);
}

std::vector<std::string> kernel_set_names(const std::string& device) {
  std::vector<std::string> names;
  for (const KernelSet& set : kernel_sets(device)) names.push_back(set.name);
  return names;
}

}  // namespace ra
