#include "cli/version.h"

#include <fmt/format.h>

#include "kernels/ops.h"

namespace ra {

std::string program_version() {
  return RA_VERSION;
}

std::string version_text() {
  std::string text = "repro-audit " + program_version() + "\n";
  const auto line = [&text](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<22} {}\n", name, value);
  };
  line("compiler", RA_COMPILER);
  line("libraries (build)", RA_LIBRARIES);
  for (const auto& [name, value] : kernel_versions()) line(name, value);
  for (const Device& device : available_devices()) {
    line("device " + device.id, device.description);
    for (const std::string& name : kernel_set_names(device.id)) {
      const KernelSet set = find_kernel_set(device.id, name);
      line("  kernel set " + name, fmt::format("sum-order class {}", set.sum_order_class));
    }
  }
  return text;
}

}  // namespace ra
