// What the ids of devices say, and what --device auto does.
#pragma once

#include <string>

namespace ra {

// Of a device's id.
bool is_gpu(const std::string& device);

// Which device was chosen, and why: one line.
std::string device_choice(const std::string& chosen);

}  // namespace ra
