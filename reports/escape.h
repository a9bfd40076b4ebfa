// Untrusted bytes (prompts, model output, names) made safe to show. escape() and the text encoders here are the only
// makers of text from such bytes in reports.
#pragma once

#include <string>
#include <string_view>

namespace ra {

// Valid UTF-8: each maximal ill-formed part becomes U+FFFD.
std::string repair_utf8(std::string_view bytes);
bool is_utf8(std::string_view bytes);

// Standard alphabet, padded (RFC 4648, section 4).
std::string base64(std::string_view bytes);

enum class Breaks : bool { shown, kept };

// For HTML, as text or within a quoted attribute: markup characters become entities, ill-formed bytes U+FFFD, and what is
// invisible or steers a terminal or the writing direction (C0, C1, DEL, zero-width, bidi controls, line separators,
// byte-order mark, noncharacters, tags) the visible text "\u{202e}". Line feeds and tabs: shown as "\n" and "\t", or kept.
std::string escape(std::string_view bytes, Breaks breaks = Breaks::shown);

// For Markdown: what escape() makes, Markdown's own characters behind a backslash, and nothing that becomes a link or a
// mention by itself.
std::string escape_markdown(std::string_view bytes);

}  // namespace ra
