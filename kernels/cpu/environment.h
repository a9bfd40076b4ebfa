// What every Ops of the CPU records about where it ran.
#pragma once

#include <map>
#include <string>

namespace ra {

std::map<std::string, std::string> cpu_environment(int threads);

}  // namespace ra
