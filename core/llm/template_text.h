// A chat template read as text: its literals and what it writes. It is data and never executed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

// A template's literal as it stands, with its escapes for line ends and quotes resolved.
std::string unescape(std::string_view text);
// The end of the quoted literal whose content starts at `begin`; npos if it is not closed.
size_t literal_end(std::string_view text, size_t begin, char quote);
// All literals of a template's code, unescaped, in the order in which it has them.
std::vector<std::string> literals(std::string_view text);

// One side of a "+".
struct TemplatePart {
  bool literal = false;
  std::string text;  // a literal's, unescaped; of code, without blanks and with ' around its own literals
};
// What {{ parts }} writes, or {% set variable = parts %} keeps.
struct TemplateOutput {
  std::string variable;  // empty: written
  std::vector<TemplatePart> parts;
};
// In the order of the template. None if it is not closed, keeps what a block writes ({% set name %}), or writes text that
// stands outside of its code (with Jinja's trim_blocks and lstrip_blocks, as Hugging Face sets them).
std::optional<std::vector<TemplateOutput>> template_outputs(std::string_view text);

}  // namespace ra
