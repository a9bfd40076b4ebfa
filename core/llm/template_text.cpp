#include "core/llm/template_text.h"

#include <algorithm>
#include <cstring>

namespace ra {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

bool is_quote(char c) {
  return c == '\'' || c == '"';
}

// A {{ }}, {% %} or {# #}.
struct Tag {
  char kind = 0;                                                     // '{', '%', '#'
  size_t begin = 0, end = 0;                                         // of all of it
  std::string_view code;                                             // between the marks and their signs
  bool trims_left = false, trims_right = false, keeps_left = false;  // {%-  -%}  {%+
};

// The first tag at or after `from`; its kind is 0 if there is none, its end npos if it is not closed.
Tag next_tag(std::string_view text, size_t from) {
  Tag tag;
  for (tag.begin = from; tag.begin + 1 < text.size(); ++tag.begin) {
    if (text[tag.begin] != '{' || std::strchr("{%#", text[tag.begin + 1]) == nullptr ||
        text[tag.begin + 1] == 0)
      continue;
    tag.kind = text[tag.begin + 1];
    break;
  }
  if (tag.kind == 0) return tag;
  const char close[] = {tag.kind == '{' ? '}' : tag.kind, '}', 0};
  size_t first = tag.begin + 2, at = first;
  while (at < text.size() && text.substr(at, 2) != close) {
    if (tag.kind != '#' && is_quote(text[at])) at = literal_end(text, at + 1, text[at]);
    if (at == text.npos) break;
    ++at;
  }
  if (at >= text.size()) {
    tag.end = text.npos;
    return tag;
  }
  tag.end = at + 2;
  size_t last = at;
  if (first < last && (text[first] == '-' || text[first] == '+')) {
    (text[first] == '-' ? tag.trims_left : tag.keeps_left) = true;
    ++first;
  }
  if (first < last && text[last - 1] == '-') {
    tag.trims_right = true;
    --last;
  }
  tag.code = text.substr(first, last - first);
  return tag;
}

// Whether the text between two tags is written: what is left of it after Jinja's trimming. A kind of 0 stands for the
// template's beginning or end.
bool is_written(std::string_view between, const Tag& before, const Tag& after) {
  bool begins_line = before.kind == 0;
  if (before.trims_right) {
    between.remove_prefix(std::min(between.find_first_not_of(kBlanks), between.size()));
  } else if ((before.kind == '%' || before.kind == '#') && between.starts_with('\n')) {
    between.remove_prefix(1);
    begins_line = true;
  }
  const size_t last = between.find_last_not_of(kBlanks);
  if (after.trims_left && last == between.npos) return false;
  if ((after.kind == '%' || after.kind == '#') && !after.keeps_left) {
    const size_t line = between.find_last_of('\n');
    const size_t tail = line == between.npos ? 0 : line + 1;
    if ((tail > 0 || begins_line) && between.find_first_not_of(" \t", tail) == between.npos)
      between = between.substr(0, tail);
  }
  if (after.kind == 0 && between.ends_with('\n')) between.remove_suffix(1);
  return !between.empty();
}

// Code cut at each "+" that stands in no bracket. It begins and ends outside of a literal.
std::vector<TemplatePart> parts_of(std::string_view code) {
  std::vector<TemplatePart> parts(1);
  int depth = 0;
  for (size_t at = 0; at < code.size(); ++at) {
    const char c = code[at];
    TemplatePart& part = parts.back();
    if (is_quote(c)) {
      const size_t end = literal_end(code, at + 1, c);
      const std::string_view content = code.substr(at + 1, end - at - 1);
      if (depth == 0 && part.text.empty() && !part.literal) {
        part = {true, unescape(content)};
      } else {
        if (part.literal) part = {false, "'" + part.text + "'"};  // a literal with something behind it
        part.text.append("'").append(content).append("'");
      }
      at = end;
    } else if (c == '+' && depth == 0) {
      parts.emplace_back();
    } else if (kBlanks.find(c) == kBlanks.npos) {
      if (part.literal) part = {false, "'" + part.text + "'"};
      part.text += c;
      if (std::strchr("([{", c) != nullptr) ++depth;
      if (std::strchr(")]}", c) != nullptr) --depth;
    }
  }
  return parts;
}

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// What stands behind the "set" of such a statement; none for another one.
std::optional<std::string_view> set_statement(std::string_view code) {
  code = without_blanks(code);
  if (!code.starts_with("set") || code.size() < 4 || kBlanks.find(code[3]) == kBlanks.npos)
    return std::nullopt;
  return code.substr(4);
}

// "name = code", as its two sides; none for the head of a block, whose literals may have a "=" too.
std::optional<TemplateOutput> assignment(std::string_view code) {
  const size_t equals = code.find_first_of("='\"");
  if (equals == code.npos || code[equals] != '=') return std::nullopt;
  return TemplateOutput{std::string(without_blanks(code.substr(0, equals))),
                        parts_of(code.substr(equals + 1))};
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == 'n') {
      out += '\n';
    } else if (next == 't') {
      out += '\t';
    } else {
      out += next;
    }
  }
  return out;
}

size_t literal_end(std::string_view text, size_t begin, char quote) {
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return i;
    }
  }
  return text.npos;
}

std::vector<std::string> literals(std::string_view text) {
  std::vector<std::string> found;
  for (Tag tag = next_tag(text, 0); tag.kind != 0 && tag.end != text.npos; tag = next_tag(text, tag.end)) {
    if (tag.kind == '#') continue;
    for (size_t at = 0; at < tag.code.size(); ++at) {
      if (!is_quote(tag.code[at])) continue;
      const size_t end = literal_end(tag.code, at + 1, tag.code[at]);
      found.push_back(unescape(tag.code.substr(at + 1, end - at - 1)));
      at = end;
    }
  }
  return found;
}

std::optional<std::vector<TemplateOutput>> template_outputs(std::string_view text) {
  std::vector<TemplateOutput> outputs;
  Tag before;
  for (;;) {
    const Tag tag = next_tag(text, before.end);
    if (tag.end == text.npos) return std::nullopt;
    const size_t end = tag.kind == 0 ? text.size() : tag.begin;
    if (is_written(text.substr(before.end, end - before.end), before, tag)) return std::nullopt;
    if (tag.kind == 0) return outputs;
    if (tag.kind == '{') {
      outputs.push_back({"", parts_of(tag.code)});
    } else if (const auto set = tag.kind == '%' ? set_statement(tag.code) : std::nullopt) {
      std::optional<TemplateOutput> output = assignment(*set);
      if (!output) return std::nullopt;
      outputs.push_back(*std::move(output));
    }
    before = tag;
  }
}

}  // namespace ra
