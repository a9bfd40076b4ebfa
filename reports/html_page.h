// What every HTML page of ours has: its beginning with the style sheet and the policy that allows nothing else, headings,
// and drawings at two widths.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

// From the doctype to <body>; `title` is untrusted. `style` is more of the style sheet: no text of an audit goes into it
// but by css_string().
std::string html_begin(const std::string& title, const std::string& style = "");

// A string of CSS, in its quotes.
std::string css_string(std::string_view text);

// A heading and a paragraph that says what is shown, if it is not empty. Both are markup.
std::string html_section(const std::string& title, const std::string& about);

// The page's heading: the first sentence of a verdict, in which the control's part comes last and is set back.
std::string html_answer(const std::string& sentence, bool has_control);

// A word on a ground of its color: "good", "bad", "notice" or "plain".
std::string html_badge(const std::string& tone, const std::string& text);

// After </main>: a footer with `about`, which is markup, and what closes the page.
std::string html_end(const std::string& about);

// The line of each arm in the charts, with its name.
std::string html_arms_key(const std::vector<std::string>& names);

// The drawing that `chart` makes at `width` and at `narrow` pixels; the style sheet shows one. `title` and `key` are
// markup.
std::string html_figure(const std::string& title, double width, double narrow, const std::string& key,
                        const std::function<std::string(double width)>& chart);

enum class Folds : bool { closed, open };

enum class Cells : uint8_t { text, number, wide };  // wide: long words may be broken

struct Column {
  std::string title;  // markup
  Cells cells = Cells::text;
};

// A table whose first column heads its rows; where it is wider than the page it scrolls by itself, with the keyboard too.
class HtmlTable {
 public:
  // `label` names it to a screen reader.
  HtmlTable(const std::string& label, std::vector<Column> columns);
  void row(const std::vector<std::string>& cells);  // markup, one a column
  bool empty() const { return rows_ == 0; }
  std::string finish() &&;
  // Behind `summary`, which is markup; nothing without rows.
  std::string finish_below(const std::string& summary, Folds folds) &&;

 private:
  std::vector<Column> columns_;
  std::string markup_;
  size_t rows_ = 0;
};

}  // namespace ra
