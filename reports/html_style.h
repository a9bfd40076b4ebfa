// The HTML report's style sheet: no font, image or rule from outside.
#pragma once

#include <string_view>

namespace ra {

extern const std::string_view kHtmlStyle;

}  // namespace ra
