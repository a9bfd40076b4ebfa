// What a mistyped word was most likely meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ra {

// The candidate that `word` was most likely meant to be: at most a third of its letters differ. Empty for
// none.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// ", perhaps X" to end a refusal with, or nothing.
std::string perhaps(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ra
