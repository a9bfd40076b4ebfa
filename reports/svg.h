// The few SVG elements that charts are drawn with. Looks come from classes (html_style.cpp); text is escaped here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ra {

enum class Anchor : uint8_t { start, middle, end };

class Svg {
 public:
  // Units are CSS pixels at the drawing's own width. `label` says in words what the drawing shows.
  Svg(double width, double height, std::string_view label);

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rect(double x, double y, double width, double height, std::string_view style,
            std::string_view title = {});
  void circle(double x, double y, double radius, std::string_view style, std::string_view title = {});
  void path(const std::string& commands, std::string_view style, double stroke_width = 0);
  void text(double x, double y, std::string_view text, std::string_view style, Anchor anchor = Anchor::start);

  std::string finish() &&;

 private:
  std::string markup_;
};

// The class of what shows an arm; the style sheet has four.
std::string arm_color(size_t arm);

// A number as SVG wants it: at most two decimals, no exponent, whatever the locale.
std::string number(double value);

// Linear: value `from` lies at pixel `low`, `to` at `high`.
struct Scale {
  double from = 0, to = 1;
  double low = 0, high = 1;
  double at(double value) const {
    return to == from ? low : low + (value - from) / (to - from) * (high - low);
  }
};

// Round values from 0 to at least `maximum` > 0 at distances of 1, 2 or 5 times a power of ten, about `count` of them.
std::vector<double> ticks(double maximum, int count, bool whole);

// Below the drawing at `y`: a line with about `count` numbered ticks, and a title.
void x_axis(Svg& svg, const Scale& x, double y, int count, std::string_view title);
// A line across at each value, its number to the left of `left`.
void y_axis(Svg& svg, const Scale& y, double left, double right, const std::vector<double>& values,
            std::string_view unit);

}  // namespace ra
