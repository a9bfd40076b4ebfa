// Files that the user asked for: refused before the work begins where they cannot be meant, and then whole or absent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ra {

// Error(storage): what errno says of `path`, and what was expected.
[[noreturn]] void fail_storage(const std::string& path, const char* expected);

// Refuses what write_output could not or should not write: Error(usage) for a directory, another kind of file, one of
// `inputs`, or an existing file without `force`; Error(storage) for a folder that cannot be written. "-" is stdout.
void check_output(const std::string& option, const std::string& path, bool force,
                  const std::vector<std::string>& inputs);

// Writes a temporary file beside it, synchronises it, and renames it; "-" prints. Error(storage), and then no partial
// file is left.
void write_output(const std::string& path, std::string_view bytes);

}  // namespace ra
