#include "reports/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/printable.h"
#include "reports/svg.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kColors = 8;
constexpr size_t kLanes = 12;       // streams that a parting chart draws
constexpr size_t kLabelBytes = 16;  // of a token's text in a label

const std::string& name_in(const Audit& audit, const ArmFinding& arm) {
  return audit.arms[static_cast<size_t>(arm.arm)].name;
}

std::string color_of(const ArmFinding& arm) {
  return arm_color(static_cast<size_t>(arm.arm));
}

// The place of the first difference; the whole length where one stream is the other's beginning.
int32_t shared_length(const Stream& a, const Stream& b) {
  const auto end = std::mismatch(a.tokens.begin(), a.tokens.end(), b.tokens.begin(), b.tokens.end()).first;
  return static_cast<int32_t>(end - a.tokens.begin());
}

// A stream in the parting chart and the line that it leaves.
struct Lane {
  int32_t stream = 0;
  int64_t runs = 0;
  int32_t parent = -1;  // index into the lanes; -1: solo's own
  int32_t parts_at = 0;
  int32_t row = 0;
};

// Solo first, then the largest groups; each leaves the earlier line that it shares most tokens with.
std::vector<Lane> lanes_of(const Audit& audit, const ArmFinding& arm) {
  std::vector<Lane> lanes = {{.stream = arm.solo_stream}};
  for (const StreamGroup& group : arm.groups) {
    if (group.is_solo) {
      lanes[0].runs = group.runs;
      continue;
    }
    if (lanes.size() == kLanes) continue;
    Lane lane{.stream = group.stream, .runs = group.runs, .parent = 0, .parts_at = -1};
    for (size_t i = 0; i < lanes.size(); ++i) {
      const int32_t shared = shared_length(audit.streams[static_cast<size_t>(lanes[i].stream)],
                                           audit.streams[static_cast<size_t>(lane.stream)]);
      if (shared <= lane.parts_at) continue;
      lane.parts_at = shared;
      lane.parent = static_cast<int32_t>(i);
    }
    lanes.push_back(lane);
  }
  return lanes;
}

// Rows from top to bottom so that no line crosses another: what parts last lies next to what it leaves.
void place(std::vector<Lane>& lanes, int32_t index, int32_t& row) {
  lanes[static_cast<size_t>(index)].row = row++;
  std::vector<int32_t> children;
  for (size_t i = 0; i < lanes.size(); ++i) {
    if (lanes[i].parent == index) children.push_back(static_cast<int32_t>(i));
  }
  std::stable_sort(children.begin(), children.end(), [&](int32_t a, int32_t b) {
    return lanes[static_cast<size_t>(a)].parts_at > lanes[static_cast<size_t>(b)].parts_at;
  });
  for (const int32_t child : children) place(lanes, child, row);
}

// The two tokens at which a lane leaves its parent: "its" not "theirs".
std::string parting_label(const Audit& audit, const Lane& lane, const Lane& parent) {
  const auto token = [&](const Lane& of) {
    const std::vector<int32_t>& tokens = audit.streams[static_cast<size_t>(of.stream)].tokens;
    const auto at = static_cast<size_t>(lane.parts_at);
    return at < tokens.size()
               ? fmt::format("\u201c{}\u201d", printable(shown_piece(audit, tokens[at]), kLabelBytes))
               : std::string("the end");
  };
  return fmt::format("{} not {}", token(lane), token(parent));
}

// At least what a label takes in pixels: no letter of the tick size that printable() lets through is much wider.
double label_width(const std::string& label) {
  return 6.4 * static_cast<double>(std::count_if(label.begin(), label.end(), [](char c) {
           return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
         }));
}

std::string runs_text(int64_t runs) {
  return counted(runs, "run");
}

}  // namespace

StreamNames::StreamNames(const Audit& audit, const Finding& finding) : audit_(audit) {
  add(finding);
}

StreamNames::StreamNames(const StreamNames& earlier, const Audit& audit, const Finding& finding)
    : audit_(audit), order_(earlier.order_) {
  add(finding);
}

void StreamNames::add(const Finding& finding) {
  const auto key = [this](int32_t stream) {
    const Stream& of = audit_.streams[static_cast<size_t>(stream)];
    return Key{of.tokens, of.end};
  };
  for (const ArmFinding& arm : finding.arms) {
    if (arm.solo_stream >= 0) order_.try_emplace(key(arm.solo_stream), order_.size());
  }
  std::map<Key, int64_t> runs;
  std::vector<Key> others;
  for (const ArmFinding& arm : finding.arms) {
    for (const StreamGroup& group : arm.groups) {
      if (runs[key(group.stream)] == 0) others.push_back(key(group.stream));
      runs[key(group.stream)] += group.runs;
    }
  }
  std::stable_sort(others.begin(), others.end(),
                   [&](const Key& a, const Key& b) { return runs[a] > runs[b]; });
  for (const Key& other : others) order_.try_emplace(other, order_.size());
}

size_t StreamNames::place(int32_t stream) const {
  const Stream& of = audit_.streams[static_cast<size_t>(stream)];
  return order_.at({of.tokens, of.end});
}

std::string StreamNames::letter(int32_t stream) const {
  std::string letters;
  for (size_t rest = place(stream) + 1; rest > 0; rest = (rest - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('A' + (rest - 1) % 26));
  }
  return letters;
}

std::string StreamNames::color(int32_t stream) const {
  return has_color(stream) ? fmt::format("s{}", place(stream)) : "sx";
}

bool StreamNames::has_color(int32_t stream) const {
  return place(stream) < kColors;
}

std::string parting_chart(const Audit& audit, const ArmFinding& arm, const StreamNames& names, double width) {
  std::vector<Lane> lanes = lanes_of(audit, arm);
  int32_t rows = 0;
  place(lanes, 0, rows);
  const auto length_of = [&](const Lane& lane) {
    return static_cast<double>(audit.streams[static_cast<size_t>(lane.stream)].tokens.size());
  };
  double length = 1;
  for (const Lane& lane : lanes) length = std::max(length, length_of(lane));

  const double row_height = 34, top = 22;
  const double bottom = top + row_height * (rows - 1) + 20;
  const Scale x{0, length, 12, width - 92};
  std::string label = fmt::format("How the streams of {} part. ", name_in(audit, arm));
  for (const Lane& lane : lanes) {
    label += lane.parent < 0
                 ? fmt::format("Stream {} is solo's, {}. ", names.letter(lane.stream), runs_text(lane.runs))
                 : fmt::format("Stream {} leaves {} at token {}, {}. ", names.letter(lane.stream),
                               names.letter(lanes[static_cast<size_t>(lane.parent)].stream), lane.parts_at,
                               runs_text(lane.runs));
  }
  Svg svg(width, bottom + 42, label);
  for (const double tick : ticks(x.to, width < 500 ? 5 : 10, true)) {
    if (tick <= x.to) svg.line(x.at(tick), top - 14, x.at(tick), bottom, "grid");
  }
  const auto y_of = [&](const Lane& lane) { return top + row_height * lane.row; };
  const auto stroke = [&](int64_t runs) {
    return arm.done == 0 ? 2.0
                         : 2.0 + 9.0 * std::sqrt(static_cast<double>(runs) / static_cast<double>(arm.done));
  };
  // The later lanes first, so that solo's line lies on top where they meet.
  for (size_t i = lanes.size(); i-- > 0;) {
    const Lane& lane = lanes[i];
    const double y = y_of(lane);
    const double end = x.at(length_of(lane));
    const std::string style = "stream " + names.color(lane.stream);
    if (lane.parent < 0) {
      svg.path(fmt::format("M{} {}H{}", number(x.low), number(y), number(end)), style, stroke(lane.runs));
    } else {
      const double from = x.at(lane.parts_at), parent_y = y_of(lanes[static_cast<size_t>(lane.parent)]);
      const double bend = std::min(18.0, std::max(2.0, end - from));
      svg.path(fmt::format("M{} {}C{} {} {} {} {} {}H{}", number(from), number(parent_y),
                           number(from + bend * 0.6), number(parent_y), number(from + bend * 0.4), number(y),
                           number(from + bend), number(y), number(std::max(end, from + bend))),
               style, stroke(lane.runs));
    }
  }
  for (const Lane& lane : lanes) {
    const double y = y_of(lane);
    if (lane.parent >= 0) {
      svg.circle(x.at(lane.parts_at), y_of(lanes[static_cast<size_t>(lane.parent)]), 4, "part",
                 fmt::format("{} parts at token {}", names.letter(lane.stream), lane.parts_at));
    }
    const double end = x.at(length_of(lane));
    svg.text(end + 12, y + 4, names.letter(lane.stream), "letter " + names.color(lane.stream));
    svg.text(end + 28, y + 4, runs_text(lane.runs), "tick");
  }
  for (const Lane& lane : lanes) {
    if (lane.parent < 0) continue;
    const std::string tokens = parting_label(audit, lane, lanes[static_cast<size_t>(lane.parent)]);
    // Where it would leave the drawing it ends with its line instead of beginning there.
    const double from = x.at(lane.parts_at) + 24,
                 end = std::max(x.at(length_of(lane)), x.low + label_width(tokens));
    const bool fits = from + label_width(tokens) <= end;
    svg.text(fits ? from : end, y_of(lane) - 9, tokens, "tick halo", fits ? Anchor::start : Anchor::end);
  }
  x_axis(svg, x, bottom, width < 500 ? 5 : 10, "token position");
  return std::move(svg).finish();
}

std::string equality_chart(const Audit& audit, const Finding& finding, double width) {
  size_t length = 1;
  std::string label = "Runs that still equal solo, by token position. ";
  for (const ArmFinding& arm : finding.arms) {
    length = std::max(length, arm.equal_at.size());
    if (arm.done > 0)
      label += fmt::format("{} ends at {} of {}. ", name_in(audit, arm), arm.equal_to_solo, arm.done);
  }
  const double height = 220, bottom = height - 46;
  const Scale x{0, static_cast<double>(length), 48, width - 12};
  const Scale y{0, 100, bottom, 28};
  Svg svg(width, height, label);
  y_axis(svg, y, x.low, x.high, {0, 25, 50, 75, 100}, "%");
  svg.text(0, 11, "share of runs", "title");
  for (const ArmFinding& arm : finding.arms) {
    if (arm.done == 0 || arm.equal_at.empty()) continue;
    const auto share = [&](int64_t runs) {
      return number(y.at(100.0 * static_cast<double>(runs) / static_cast<double>(arm.done)));
    };
    std::string commands = fmt::format("M{} {}", number(x.at(0)), number(y.at(100)));
    int64_t last = arm.done;
    for (size_t i = 0; i < arm.equal_at.size(); ++i) {
      if (arm.equal_at[i] == last) continue;
      last = arm.equal_at[i];
      commands += fmt::format("H{}V{}", number(x.at(static_cast<double>(i))), share(last));
    }
    commands += "H" + number(x.at(static_cast<double>(arm.equal_at.size())));
    svg.path(commands, "arm " + color_of(arm));
  }
  x_axis(svg, x, bottom, width < 500 ? 5 : 10, "token position");
  return std::move(svg).finish();
}

std::string batch_size_chart(const Audit& audit, const ArmFinding& arm, const StreamNames& names,
                             double width) {
  const double height = 212, bottom = height - 46;
  const Scale x{0, static_cast<double>(std::max<size_t>(1, arm.runs_by_batch_size.size())), 48, width - 12};
  const Scale y{0, 100, bottom, 28};
  Svg svg(width, height,
          fmt::format("Share of the streams among the runs of {} at each batch size ({}).",
                      name_in(audit, arm), brief_ranges(arm.runs_by_batch_size)));
  y_axis(svg, y, x.low, x.high, {0, 25, 50, 75, 100}, "%");
  svg.text(0, 11, "share of runs", "title");
  // Solo's group at the bottom, then the largest.
  std::vector<const StreamGroup*> groups;
  for (const StreamGroup& group : arm.groups) groups.push_back(&group);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const StreamGroup* a, const StreamGroup* b) { return a->is_solo && !b->is_solo; });
  const double label = arm.runs_by_batch_size.empty()
                           ? 22
                           : 8 + label_width(std::to_string(arm.runs_by_batch_size.rbegin()->first));
  const size_t every =
      std::max<size_t>(1, static_cast<size_t>(std::ceil(static_cast<double>(arm.runs_by_batch_size.size()) *
                                                        label / (x.high - x.low))));
  size_t column = 0;
  for (const auto& at_size : arm.runs_by_batch_size) {
    const int32_t size = at_size.first;
    const int64_t total = at_size.second;
    const double left = x.at(static_cast<double>(column)), right = x.at(static_cast<double>(column + 1));
    const double gap = std::min(4.0, (right - left) * 0.2);
    double below = 0;
    const auto add = [&](int64_t count, const std::string& color, const std::string& who) {
      const double share = 100.0 * static_cast<double>(count) / static_cast<double>(total);
      svg.rect(left + gap / 2, y.at(below + share), right - left - gap, y.at(below) - y.at(below + share),
               "bar " + color, fmt::format("batch size {}: {}, {} of {} runs", size, who, count, total));
      below += share;
    };
    int64_t others = 0, runs_of_others = 0;  // they look alike, and there may be hundreds
    for (const StreamGroup* group : groups) {
      const auto at = group->runs_by_batch_size.find(size);
      if (at == group->runs_by_batch_size.end()) continue;
      if (names.has_color(group->stream)) {
        add(at->second, names.color(group->stream), "stream " + names.letter(group->stream));
      } else {
        ++others;
        runs_of_others += at->second;
      }
    }
    if (others > 0) add(runs_of_others, "sx", counted(others, "other stream"));
    if (column % every == 0) {
      svg.text((left + right) / 2, bottom + 17, std::to_string(size), "tick", Anchor::middle);
    }
    ++column;
  }
  svg.line(x.low, bottom, x.high, bottom, "axis");
  svg.text((x.low + x.high) / 2, bottom + 35, "batch size (sequences in the trial)", "title", Anchor::middle);
  return std::move(svg).finish();
}

std::string speed_chart(const std::vector<SpeedLine>& lines, double width) {
  double fastest = 1, largest = 1;
  std::string label = "Tokens a second by batch size. ";
  for (const SpeedLine& line : lines) {
    for (const SpeedAtSize& at : line.speed) {
      fastest = std::max({fastest, at.high, at.tokens_per_second});
      largest = std::max(largest, static_cast<double>(at.batch_size));
    }
    if (line.speed.empty()) continue;
    label += fmt::format("{}: {:.0f} at batch size {}, {:.0f} at {}. ", line.name,
                         line.speed.front().tokens_per_second, line.speed.front().batch_size,
                         line.speed.back().tokens_per_second, line.speed.back().batch_size);
  }
  const double height = 270, bottom = height - 46;
  const std::vector<double> values = ticks(fastest, 5, false);
  const Scale x{0, largest, 48, width - 12};
  const Scale y{0, values.back(), bottom, 28};
  Svg svg(width, height, label);
  y_axis(svg, y, x.low, x.high, values, "");
  svg.text(0, 11, "tokens/s", "title");
  for (size_t i = 0; i < lines.size(); ++i) {
    const SpeedLine& line = lines[i];
    if (line.speed.empty()) continue;
    std::string upper, lower, middle;
    for (const SpeedAtSize& at : line.speed) {
      const std::string place = number(x.at(at.batch_size));
      upper += fmt::format("{}{} {}", upper.empty() ? "M" : "L", place, number(y.at(at.high)));
      lower = fmt::format("L{} {}", place, number(y.at(at.low))) + lower;
      middle += fmt::format("{}{} {}", middle.empty() ? "M" : "L", place, number(y.at(at.tokens_per_second)));
    }
    svg.path(upper + lower + "Z", "band " + arm_color(i));
    svg.path(middle, "arm " + arm_color(i));
    for (const SpeedAtSize& at : line.speed) {
      svg.circle(x.at(at.batch_size), y.at(at.tokens_per_second), 2.6, "dot " + arm_color(i),
                 fmt::format("{}, batch size {}: {:.1f} tokens/s over {}", line.name, at.batch_size,
                             at.tokens_per_second, counted(at.trials, "trial")));
    }
  }
  x_axis(svg, x, bottom, width < 500 ? 5 : 8, "batch size (sequences in the trial)");
  return std::move(svg).finish();
}

}  // namespace ra
