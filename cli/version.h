// The program's version, and what --version prints.
#pragma once

#include <string>

namespace ra {

std::string program_version();

// The program, its libraries, the processor's features, every device's kernel sets with their sum-order
// classes.
std::string version_text();

}  // namespace ra
