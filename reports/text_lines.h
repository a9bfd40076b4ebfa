// Lines for a terminal: labels in a column, words broken at blanks to the width, tones as SGR codes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ra {

enum class Tone : uint8_t { plain, good, bad, notice, strong };

class TextLines {
 public:
  // At most `width` columns, which are taken to be from 40 to 200. Without `color` tones change nothing.
  TextLines(int width, bool color);

  std::string toned(const std::string& text, Tone tone) const;
  // The line as it is.
  void add(const std::string& line) { text_.append(line).append("\n"); }
  // `label` in its column if it is not empty, then the words; a word that is wider than a line is cut.
  void wrap(const std::string& label, std::string_view words, Tone tone = Tone::plain);

  std::string finish() && { return std::move(text_); }

 private:
  const size_t width_;
  const bool color_;
  std::string text_;
};

}  // namespace ra
