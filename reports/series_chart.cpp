#include "reports/series_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "reports/svg.h"

namespace ra {
namespace {

constexpr double kHeight = 212;  // pixels

}  // namespace

std::string series_chart(const SeriesChart& chart, double width) {
  double largest = 1;
  size_t places = 2;
  for (const std::vector<std::optional<double>>& values : chart.values) {
    places = std::max(places, values.size());
    for (const std::optional<double>& value : values) largest = std::max(largest, value.value_or(0));
  }
  const double bottom = kHeight - 46;
  const std::vector<double> values = ticks(largest, 4, chart.whole);
  const Scale y{0, values.back(), bottom, 12};
  const Scale x{1, static_cast<double>(places), 48, width - 12};
  Svg svg(width, kHeight, chart.label);
  y_axis(svg, y, x.low, x.high, values, chart.unit);
  for (size_t arm = 0; arm < chart.names.size(); ++arm) {
    const std::string color = arm_color(arm);
    std::string commands;
    bool broken = true;
    std::vector<std::pair<double, double>> points;
    for (size_t place = 0; place < chart.values[arm].size(); ++place) {
      const std::optional<double>& value = chart.values[arm][place];
      if (!value) {
        broken = true;
        continue;
      }
      const double at = x.at(static_cast<double>(place + 1));
      fmt::format_to(std::back_inserter(commands), "{}{} {}", broken ? "M" : "L", number(at),
                     number(y.at(*value)));
      broken = false;
      points.emplace_back(at, *value);
    }
    if (points.empty()) continue;
    if (chart.joined) svg.path(commands, "arm " + color);
    for (const auto& [at, value] : points) {
      svg.circle(at, y.at(value), 3, "dot " + color,
                 fmt::format("{}: {}{}", chart.names[arm], number(value), chart.unit));
    }
  }
  x_axis(svg, x, bottom, width < 400 ? 5 : 8, chart.x_title);
  return std::move(svg).finish();
}

}  // namespace ra
