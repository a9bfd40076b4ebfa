// A small text that one process leaves for the next. A cache and no more: a damaged one is none, and one that cannot be
// written is done without.
#pragma once

#include <string>

namespace ra {

// What `write_cache_file` left under this title; empty if the path is, or if nothing whole of the title is there.
std::string read_cache_file(const std::string& path, const std::string& title);

// A line with the title, the text (whole lines), and XXH3-64 of all that in the last one. Whole or not at all, under another
// name first; the folder is made.
void write_cache_file(const std::string& path, const std::string& title, const std::string& text);

}  // namespace ra
