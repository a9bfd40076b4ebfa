// repro-audit devices: where it can compute, and with what.
#include "cli/devices.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/arguments.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_values.h"
#include "kernels/ops.h"

namespace ra {
namespace {

struct DevicesOptions {
  bool json = false;
};

bool has_gpu(const std::vector<Device>& devices) {
  return std::any_of(devices.begin(), devices.end(), [](const Device& device) { return is_gpu(device.id); });
}

Json device_json(const Device& device) {
  Json::Object facts, sets;
  for (const auto& [name, value] : device_facts(device.id)) facts.push_back({name, json::text(value)});
  for (const std::string& name : kernel_set_names(device.id))
    sets.push_back({name, json::text(find_kernel_set(device.id, name).sum_order_class)});
  return Json{Json::Object{{"id", json::text(device.id)},
                           {"description", json::text(device.description)},
                           {"facts", Json{std::move(facts)}},
                           {"kernel_sets", Json{std::move(sets)}}}};
}

std::string device_text(const Device& device) {
  std::string text = fmt::format("{:<12} {}\n", device.id, device.description);
  for (const auto& [name, value] : device_facts(device.id)) text += fmt::format("  {:<19} {}\n", name, value);
  for (const std::string& name : kernel_set_names(device.id))
    text += fmt::format("  {:<19} sum-order class {}\n", "kernels " + name,
                        find_kernel_set(device.id, name).sum_order_class);
  return text;
}

int run_devices(const DevicesOptions& options) {
  const std::vector<Device> devices = available_devices();
  if (options.json) {
    print(json_text(
        Json{Json::Object{{"devices", json::array(devices, device_json)},
                          {"no_gpu", has_gpu(devices) ? Json{} : json::text(gpu_absence("cuda"))}}}));
    return 0;
  }
  for (const Device& device : devices) print(device_text(device));
  if (!has_gpu(devices)) print(gpu_absence("cuda") + "\n");
  return 0;
}

}  // namespace

bool is_gpu(const std::string& device) {
  return device.starts_with("cuda");
}

std::string device_choice(const std::string& chosen) {
  const std::vector<Device> devices = available_devices();
  for (const Device& device : devices) {
    if (device.id != chosen) continue;
    return fmt::format(
        "device {} ({}){}", device.id, device.description,
        is_gpu(device.id) ? ", the first GPU that the kernels run on" : "; " + gpu_absence("cuda"));
  }
  throw Error(Exit::bug, "internal error: a device that is not there was chosen");
}

Verb add_devices(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("devices", "List where it can compute, with what libraries and kernel sets");
  const auto options = std::make_shared<DevicesOptions>();
  add_flag(*verb, "--json", options->json, "The same as JSON");
  verb->footer("The first one is what --device auto takes.\n\nExample:\n  repro-audit devices");
  return {verb, [options] { return run_devices(*options); }};
}

}  // namespace ra
