// gzip (RFC 1952), as one member without name or time: the same bytes give the same file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ra {

std::string gzip(std::string_view bytes);

// What a file of one member holds. Error(bad_input) "<name>@<offset>: <found>; expected <what>" where it is damaged,
// ends early, goes on behind its end, or holds more than `max_bytes`, beyond which nothing is unpacked.
std::string gunzip(std::string_view file, std::string_view name, size_t max_bytes);

}  // namespace ra
