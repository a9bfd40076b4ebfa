// The three standard streams: what a verb may assume of them, and how it writes to them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ra {

// Opens /dev/null in place of each of the descriptors 0 to 2 that the caller closed, so that no file of ours
// gets its number. What is printed to a closed stdout is then an error, not lost. Call before anything opens
// a file.
void reserve_standard_streams();

// Writes all of `text` to any descriptor; 0, or the errno of the failure.
int write_all(int descriptor, std::string_view text);

// Writes all of `text` to stdout. Error(storage) if it cannot be written; if the reader has gone (EPIPE),
// BrokenPipe.
void print(std::string_view text);
struct BrokenPipe {};  // ends the process quietly, with 128 + SIGPIPE

// Writes to stderr; a failure is ignored, because there is nowhere left to report it.
void print_error(std::string_view text);

// Writes `line` to stderr over what the cursor's line holds, cut to fit `width` columns of ASCII; empty: clears it.
void rewrite_line(std::string_view line, size_t width);

bool stdout_is_terminal();
bool stderr_is_terminal();
// Columns of the terminal: $COLUMNS if sane, else what the terminal says, else 80; from 40 to 400.
int terminal_width();

inline const std::vector<std::string> kColorChoices = {"auto", "always", "never"};
// --color auto|always|never; auto: only on a terminal that knows colours, and not where $NO_COLOR is set.
bool use_color(std::string_view choice);

}  // namespace ra
