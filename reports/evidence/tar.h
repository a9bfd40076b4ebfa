// A bundle as one file: the ustar format of POSIX.1, regular files alone, in one way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reports/evidence/bundle.h"

namespace ra {

// The files below the folder `root` (at most 155 bytes), each of mode 0644, owner 0 and this time, in their order; two
// blocks of zeros at the end and nothing else.
std::string tar_of(const BundleFiles& files, const std::string& root, int64_t seconds_since_1970);

struct TarContent {
  std::string root;
  int64_t seconds_since_1970 = 0;
  BundleFiles files;
};

// What tar_of was given, where `root` is a plain name. Only such an archive is read: any other header, order or padding is Error(evidence)
// "<name>@<offset>: <found>; <expected>". Nothing is allocated that the bytes do not hold.
TarContent read_tar(std::string_view bytes, const std::string& name);

}  // namespace ra
