// What --version prints.
#pragma once

#include <string>

namespace ra {

// The program, its libraries, the processor's features, every device's kernel sets with their sum-order
// classes.
std::string version_text();

}  // namespace ra
