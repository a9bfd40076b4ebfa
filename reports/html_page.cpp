#include "reports/html_page.h"

#include <fmt/format.h>

#include <cctype>

#include "core/error.h"
#include "core/hash.h"
#include "core/utf8.h"
#include "reports/escape.h"
#include "reports/html_style.h"
#include "reports/svg.h"

namespace ra {

// The policy allows the one style sheet by its hash and nothing else: no script, image, font, form or base.
std::string html_begin(const std::string& title, const std::string& style) {
  const std::string sheet = std::string(kHtmlStyle) + style;
  const Sha256Digest digest = sha256(sheet);
  const std::string hash =
      base64(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  return fmt::format(
      R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{}</title>
<style>{}</style>
</head>
<body>
)",
      hash, escape(title), sheet);
}

// Letters, digits and a few marks stand as they are; all else, and so whatever could end the string or the sheet, is an
// escape of six digits (CSS Syntax 3, section 4.3.7).
std::string css_string(std::string_view text) {
  constexpr std::string_view kPlain = " .,:;()-_";
  std::string quoted = "\"";
  const std::string repaired = repair_utf8(text);
  for (size_t at = 0; at < repaired.size();) {
    const char32_t point = next_code_point(repaired, at);
    const bool plain = point < 0x80 && (std::isalnum(static_cast<int>(point)) != 0 ||
                                        kPlain.find(static_cast<char>(point)) != kPlain.npos);
    if (plain)
      quoted += static_cast<char>(point);
    else
      quoted += fmt::format("\\{:06x}", static_cast<uint32_t>(point));
  }
  return quoted + "\"";
}

std::string html_end(const std::string& about) {
  return fmt::format("<footer><p>{}</p></footer>\n</body>\n</html>\n", about);
}

std::string html_section(const std::string& title, const std::string& about) {
  std::string markup = fmt::format("<h2>{}</h2>\n", title);
  if (!about.empty()) markup += fmt::format("<p class=\"about\">{}</p>\n", about);
  return markup;
}

std::string html_answer(const std::string& sentence, bool has_control) {
  const size_t control = has_control ? sentence.rfind("; ") : std::string::npos;
  if (control == std::string::npos) return fmt::format("<h1>{}</h1>\n", escape(sentence));
  return fmt::format("<h1>{} <span class=\"after\">{}</span></h1>\n", escape(sentence.substr(0, control + 1)),
                     escape(sentence.substr(control + 2)));
}

std::string html_badge(const std::string& tone, const std::string& text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", tone, text);
}

std::string html_arms_key(const std::vector<std::string>& names) {
  std::string key = "<ul class=\"key\">";
  for (size_t arm = 0; arm < names.size(); ++arm) {
    key += fmt::format(
        "<li><svg viewBox=\"0 0 30 16\" aria-hidden=\"true\"><path class=\"arm {}\" d=\"M0 "
        "8H30\"/></svg>{}</li>",
        arm_color(arm), escape(names[arm]));
  }
  return key + "</ul>";
}

std::string html_figure(const std::string& title, double width, double narrow, const std::string& key,
                        const std::function<std::string(double width)>& chart) {
  return fmt::format(
      "<div class=\"figure\"><div><b>{}</b>{}</div><div class=\"wide\">{}</div><div "
      "class=\"narrow\">{}</div></div>\n",
      title, key, chart(width), chart(narrow));
}

HtmlTable::HtmlTable(const std::string& label, std::vector<Column> columns) : columns_(std::move(columns)) {
  markup_ =
      fmt::format("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table><thead><tr>",
                  escape(label));
  for (const Column& column : columns_) {
    markup_ += fmt::format("<th scope=\"col\"{}>{}</th>", column.cells == Cells::number ? " class=\"n\"" : "",
                           column.title);
  }
  markup_ += "</tr></thead><tbody>\n";
}

void HtmlTable::row(const std::vector<std::string>& cells) {
  check(cells.size() == columns_.size(), "a cell for each column");
  markup_ += "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    const char* style = columns_[i].cells == Cells::number ? " class=\"n\""
                        : columns_[i].cells == Cells::wide ? " class=\"break\""
                                                           : "";
    markup_ += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", style, cells[i])
                      : fmt::format("<td{}>{}</td>", style, cells[i]);
  }
  markup_ += "</tr>\n";
  ++rows_;
}

std::string HtmlTable::finish() && {
  return std::move(markup_) + "</tbody></table></div>\n";
}

std::string HtmlTable::finish_below(const std::string& summary, Folds folds) && {
  if (empty()) return "";
  return fmt::format("<details{}><summary>{}</summary>{}</details>\n",
                     folds == Folds::open ? " open=\"\"" : "", summary, std::move(*this).finish());
}

}  // namespace ra
