// Unicode normalisation form C.
#pragma once

#include <string>
#include <string_view>

namespace ra {

// The NFC of valid UTF-8; O(n log n) whatever the text.
std::string nfc(std::string_view text);

}  // namespace ra
