// A small chart of one figure: a value an arm at each place, on a linear axis from 0.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ra {

inline constexpr double kSeriesWidth = 420, kSeriesNarrow = 320;  // pixels

struct SeriesChart {
  std::string label;  // says in words what is shown
  std::string unit;
  bool whole = false;   // ticks at whole numbers alone
  bool joined = false;  // a line from place to place
  std::string x_title;
  std::vector<std::string> names;                          // of the arms
  std::vector<std::vector<std::optional<double>>> values;  // [arm][place]
};

std::string series_chart(const SeriesChart& chart, double width);

}  // namespace ra
