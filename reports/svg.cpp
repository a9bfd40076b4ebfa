#include "reports/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "reports/escape.h"

namespace ra {
namespace {

const char* name_of(Anchor anchor) {
  return anchor == Anchor::start ? "start" : anchor == Anchor::middle ? "middle" : "end";
}

// The element's end: closed at once, or around a tooltip.
std::string closing(std::string_view element, std::string_view title) {
  if (title.empty()) return "/>";
  return fmt::format("><title>{}</title></{}>", escape(title), element);
}

}  // namespace

std::string arm_color(size_t arm) {
  return fmt::format("a{}", arm % 4);
}

std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

Svg::Svg(double width, double height, std::string_view label)
    : markup_(fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", number(width),
                          number(height), escape(label))) {}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  fmt::format_to(std::back_inserter(markup_), R"(<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>)", style,
                 number(x1), number(y1), number(x2), number(y2));
}

void Svg::rect(double x, double y, double width, double height, std::string_view style,
               std::string_view title) {
  fmt::format_to(std::back_inserter(markup_), R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}"{})",
                 style, number(x), number(y), number(width), number(height), closing("rect", title));
}

void Svg::circle(double x, double y, double radius, std::string_view style, std::string_view title) {
  fmt::format_to(std::back_inserter(markup_), R"(<circle class="{}" cx="{}" cy="{}" r="{}"{})", style,
                 number(x), number(y), number(radius), closing("circle", title));
}

void Svg::path(const std::string& commands, std::string_view style, double stroke_width) {
  fmt::format_to(std::back_inserter(markup_), R"(<path class="{}" d="{}")", style, commands);
  if (stroke_width > 0)
    fmt::format_to(std::back_inserter(markup_), R"( stroke-width="{}")", number(stroke_width));
  markup_ += "/>";
}

void Svg::text(double x, double y, std::string_view text, std::string_view style, Anchor anchor) {
  fmt::format_to(std::back_inserter(markup_), R"(<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>)",
                 style, number(x), number(y), name_of(anchor), escape(text));
}

std::string Svg::finish() && {
  return std::move(markup_) + "</svg>\n";
}

std::vector<double> ticks(double maximum, int count, bool whole) {
  const double rough = maximum / count;
  double step = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (step * factor >= rough) {
      step *= factor;
      break;
    }
  }
  if (whole) step = std::max(step, 1.0);
  std::vector<double> values;
  for (int i = 0; values.empty() || values.back() < maximum; ++i) values.push_back(i * step);
  return values;
}

void x_axis(Svg& svg, const Scale& x, double y, int count, std::string_view title) {
  svg.line(x.low, y, x.high, y, "axis");
  for (const double tick : ticks(x.to, count, true)) {
    if (tick < x.from || tick > x.to) continue;
    svg.line(x.at(tick), y, x.at(tick), y + 4, "axis");
    svg.text(x.at(tick), y + 17, number(tick), "tick", Anchor::middle);
  }
  svg.text((x.low + x.high) / 2, y + 35, title, "title", Anchor::middle);
}

void y_axis(Svg& svg, const Scale& y, double left, double right, const std::vector<double>& values,
            std::string_view unit) {
  for (const double value : values) {
    svg.line(left, y.at(value), right, y.at(value), "grid");
    svg.text(left - 7, y.at(value) + 4, number(value) + std::string(unit), "tick", Anchor::end);
  }
}

}  // namespace ra
