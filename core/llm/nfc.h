// Unicode normalisation form C.
#pragma once

#include <string>
#include <string_view>

namespace ra {

// The NFC of valid UTF-8, as utf8proc's Unicode has it; O(n log n) whatever the text. Hugging Face's data is of Unicode 9:
// combining marks that are newer stay there in the order in which the text has them.
std::string nfc(std::string_view text);

}  // namespace ra
