// Bundles of evidence on disk: a folder, or a tar file. What is read may come from anyone.
#pragma once

#include <cstdint>
#include <string>

#include "reports/evidence/tar.h"

namespace ra {

bool is_tar_name(const std::string& path);  // "x.tar"

// The files of a bundle; of a tar file, its folder and time too. Nothing outside it is opened, no link followed, nothing
// waited for, and nothing allocated that is not there. Error(evidence) for what no bundle has: links, devices, too many
// files or too large ones; Error(bad_input) where there is nothing at `path` that can be read.
TarContent read_bundle(const std::string& path);

// Before the work: Error(usage) where write_bundle would replace something without `force`, or anything but a bundle.
void check_bundle_output(const std::string& path, bool force);

// Writes the bundle whole or not at all, synchronised: a folder, or a tar file with the files in the folder `root`.
// What check_bundle_output let pass is replaced. Error(storage).
void write_bundle(const std::string& path, const BundleFiles& files, const std::string& root,
                  int64_t seconds);

}  // namespace ra
