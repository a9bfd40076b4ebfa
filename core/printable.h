// Text of others in messages of ours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ra {

// `text` with every control, bidi, zero-width and non-UTF-8 byte escaped and cut to `max_bytes`: safe in a message.
std::string printable(std::string_view text, size_t max_bytes = 80);

}  // namespace ra
