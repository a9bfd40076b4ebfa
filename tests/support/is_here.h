// Programs that a test asks or looks with: tests/run installs them.
#pragma once

#include <cstdlib>
#include <string>

namespace ra {

// Whether a shell finds `program` on the PATH.
inline bool is_here(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null").c_str()) == 0;
}

}  // namespace ra
