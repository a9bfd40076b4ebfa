// SHA-256 of files, remembered from run to run: a digest holds for a path as long as size, time of the last change and
// inode stay the same. The memory is a cache and no more: a damaged one is ignored and written anew, one that cannot be
// written is done without.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/llm/input_file.h"

namespace ra {

// Reads all of `file` and returns its digest (hex). `on_bytes`, if given, is told how many were read each time.
std::string file_sha256(const InputFile& file, const std::function<void(size_t)>& on_bytes = {});

// The digests of `files` in their order, several files at once. `cache` is the path of the memory; empty: none.
std::vector<std::string> file_sha256(const std::vector<InputFile>& files, const std::string& cache);

}  // namespace ra
