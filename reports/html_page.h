// What every HTML page of ours has: its beginning with the style sheet and the policy that allows nothing else, headings,
// and drawings at two widths.
#pragma once

#include <functional>
#include <string>

namespace ra {

// From the doctype to <body>; `title` is untrusted.
std::string html_begin(const std::string& title);

// A heading and a paragraph that says what is shown, if it is not empty. Both are markup.
std::string html_section(const std::string& title, const std::string& about);

// The drawing that `chart` makes at `width` and at `narrow` pixels; the style sheet shows one. `title` and `key` are
// markup.
std::string html_figure(const std::string& title, double width, double narrow, const std::string& key,
                        const std::function<std::string(double width)>& chart);

}  // namespace ra
