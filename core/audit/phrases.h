// Parts of sentences about counts and shares.
#pragma once

#include <cstdint>
#include <string>

namespace ra {

// "4.7%": one decimal, whatever the locale.
std::string percent(double share);
// "1 run", "2 runs".
std::string counted(int64_t count, const std::string& noun);
// "3 of 12".
std::string k_of_n(int64_t k, int64_t n);

}  // namespace ra
