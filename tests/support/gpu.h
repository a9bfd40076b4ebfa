// The GPU of this machine, for tests that need one.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace ra {

// The id of the first GPU that the kernels run on; absent where there is none.
inline std::optional<std::string> first_gpu() {
  const std::vector<Device> devices = available_devices();
  const auto gpu = std::ranges::find_if(devices, [](const Device& d) { return d.id.starts_with("cuda:"); });
  return gpu == devices.end() ? std::nullopt : std::optional(gpu->id);
}

}  // namespace ra
