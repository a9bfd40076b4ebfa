// What --device auto says.
#pragma once

#include <string>

namespace ra {

// Which device was chosen, and why: one line.
std::string device_choice(const std::string& chosen);

}  // namespace ra
