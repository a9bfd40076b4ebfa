#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "reports/charts.h"
#include "reports/svg.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr double kSmallest = 1e-4, kLargest = 1e4;  // gaps beyond lie on the outermost lines
constexpr size_t kTold = 8;                         // places that the drawing's name tells

// A database may hold sums that are no numbers.
double gap_of(const StepRecord& step) {
  const double gap =
      std::abs(static_cast<double>(step.accumulator[0]) - static_cast<double>(step.accumulator[1]));
  return std::isfinite(gap) ? std::min(gap, kLargest) : kLargest;
}

// Position -> the streams that leave solo there, by letter.
std::map<int32_t, std::string> departures(const ArmFinding& arm, const StreamNames& names) {
  std::map<int32_t, std::string> leaving;
  for (const StreamGroup& group : arm.groups) {
    if (!group.divergence) continue;
    std::string& letters = leaving[group.divergence->position];
    letters += (letters.empty() ? "" : ", ") + names.letter(group.stream);
  }
  return leaving;
}

}  // namespace

std::string gap_chart(const Audit& audit, const Finding& finding, const ArmFinding& arm,
                      const StreamNames& names, double width) {
  const std::vector<StepRecord>& steps = audit.streams[static_cast<size_t>(arm.solo_stream)].steps;
  const std::map<int32_t, std::string> leaving = departures(arm, names);
  double largest = 1;
  for (const StepRecord& step : steps) largest = std::max(largest, gap_of(step));

  const double height = 250, bottom = height - 46;
  const Scale x{0, static_cast<double>(std::max<size_t>(1, steps.size())), 56, width - 12};
  const Scale powers{std::log10(kSmallest), std::ceil(std::log10(largest)), bottom - 4, 28};
  const auto y = [&](double gap) { return powers.at(std::log10(std::clamp(gap, kSmallest, kLargest))); };

  std::string label = fmt::format("Gap between the two best tokens at {} of solo, logarithmic. ",
                                  counted(static_cast<int64_t>(steps.size()), "step"));
  size_t told = 0;
  for (const auto& [position, letters] : leaving) {
    if (position < 0 || static_cast<size_t>(position) >= steps.size() || ++told > kTold) continue;
    label += fmt::format("Stream {} leaves at token {}, gap {:.4f}. ", letters, position,
                         gap_of(steps[static_cast<size_t>(position)]));
  }
  if (told > kTold) label += fmt::format("And {} more places. ", told - kTold);

  Svg svg(width, height, label);
  svg.text(0, 11, "gap of logits", "title");
  for (int power = static_cast<int>(powers.from); power <= static_cast<int>(powers.to); ++power) {
    const double line = powers.at(power);
    svg.line(x.low, line, x.high, line, "grid");
    const char* bound = power == static_cast<int>(powers.from) ? "\u2264 " : "";
    svg.text(x.low - 7, line + 4, fmt::format("{}{:g}", bound, std::pow(10, power)), "tick", Anchor::end);
  }
  if (finding.epsilon && *finding.epsilon > 0) {
    const double line = y(4 * *finding.epsilon);
    svg.line(x.low, line, x.high, line, "bound");
    svg.text(x.high, line - 5, "4 \u03b5", "tick halo", Anchor::end);
  }
  std::string points;
  for (size_t i = 0; i < steps.size(); ++i) {
    fmt::format_to(std::back_inserter(points), "M{} {}h0", number(x.at(static_cast<double>(i))),
                   number(y(gap_of(steps[i]))));
  }
  if (!points.empty()) svg.path(points, "points");
  for (size_t i = 0; i < steps.size(); ++i) {
    const StepRecord& step = steps[i];
    const double at = x.at(static_cast<double>(i)), level = y(gap_of(step));
    const auto leaves = leaving.find(static_cast<int32_t>(i));
    if (leaves != leaving.end()) {
      svg.circle(at, level, 6, "part",
                 fmt::format("token {}: gap {:.4f}; stream {} leaves here", i, gap_of(step), leaves->second));
    }
    if (step.value[0] == step.value[1])
      svg.circle(at, level, 3.6, "tie", fmt::format("token {}: equal logits, the lower id wins", i));
  }
  x_axis(svg, x, bottom, width < 500 ? 5 : 10, "token position");
  return std::move(svg).finish();
}

}  // namespace ra
