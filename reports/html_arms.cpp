// Both arms side by side, and the sections with drawings.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/svg.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr double kWide = 860, kHalf = 420, kNarrow = 320;  // widths of drawings, in pixels
constexpr size_t kKeys = 8;                                // streams that a key names
constexpr size_t kListed = 20;                             // rows of a table of streams

std::string badge(const HtmlView& view, const ArmFinding& arm) {
  const bool may_differ = arm.arm == view.finding.control;
  const char* tone = arm.verdict == Verdict::identical                 ? "good"
                     : arm.verdict == Verdict::diverged && !may_differ ? "bad"
                                                                       : "notice";
  return html_badge(tone, name_of(arm.verdict));
}

// Runs by stream as one bar.
std::string share_bar(const HtmlView& view, const ArmFinding& arm) {
  const double width = 400;
  Svg svg(width, 16, fmt::format("Runs of {} by stream", view.facts(arm).name));
  double from = 0;
  for (const StreamGroup& group : arm.groups) {
    const double share =
        width * static_cast<double>(group.runs) / static_cast<double>(std::max<int64_t>(1, arm.done));
    svg.rect(from, 0, std::max(share - 1.5, 0.5), 16, "bar " + view.names.color(group.stream),
             fmt::format("stream {}: {}", view.names.letter(group.stream), counted(group.runs, "run")));
    from += share;
  }
  return std::move(svg).finish();
}

std::string rate_lines(const ArmFinding& arm) {
  if (arm.digests.trials == 0) return "none compared";
  const auto line = [](const TrialRate& rate, const char* what) {
    std::string text = fmt::format("{} of {} unlike in {}", rate.differing, rate.trials, what);
    if (rate.differing < rate.trials) text += fmt::format(" (&le; {})", percent(rate.upper95));
    return text;
  };
  return line(arm.digests, "logits") + "<br>" + line(arm.tokens, "tokens");
}

std::string repeats(const ArmFinding& arm) {
  if (arm.repeats + arm.repeats_not_comparable == 0) return "none";
  std::string text = fmt::format("{} of {} equal", arm.repeats - arm.repeats_unlike, arm.repeats);
  if (arm.repeats_not_comparable > 0) text += fmt::format(", {} not comparable", arm.repeats_not_comparable);
  return text;
}

std::string arms_key(const HtmlView& view) {
  std::vector<std::string> names;
  for (const ArmFinding& arm : view.finding.arms) names.push_back(view.facts(arm).name);
  return html_arms_key(names);
}

std::string streams_key(const HtmlView& view, const ArmFinding& arm) {
  std::string key = "<ul class=\"key\">";
  for (size_t i = 0; i < std::min(arm.groups.size(), kKeys); ++i) {
    const StreamGroup& group = arm.groups[i];
    fmt::format_to(std::back_inserter(key),
                   "<li><svg viewBox=\"0 0 30 16\" aria-hidden=\"true\"><rect class=\"bar {}\" width=\"30\" "
                   "height=\"16\"/></svg>"
                   "{}{}, {}</li>",
                   view.names.color(group.stream), view.names.letter(group.stream),
                   group.is_solo ? " (solo)" : "", counted(group.runs, "run"));
  }
  if (arm.groups.size() > kKeys)
    fmt::format_to(std::back_inserter(key), "<li>and {} more</li>", arm.groups.size() - kKeys);
  return key + "</ul>";
}

int64_t count_at(const std::map<int32_t, int64_t>& counts, int32_t key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

std::string batch_size_numbers(const HtmlView& view) {
  std::vector<Column> columns = {{"Batch size", Cells::number}};
  std::set<int32_t> sizes;
  for (const ArmFinding& arm : view.finding.arms) {
    for (const char* count : {": runs", ": equal solo", ": launches"})
      columns.push_back({view.name(arm) + count, Cells::number});
    for (const auto& [size, runs] : arm.runs_by_batch_size) sizes.insert(size);
    for (const auto& [size, launches] : arm.launches_by_logit_rows) sizes.insert(size);
  }
  HtmlTable table("Runs and launches by batch size", columns);
  for (const int32_t size : sizes) {
    std::vector<std::string> cells = {std::to_string(size)};
    for (const ArmFinding& arm : view.finding.arms) {
      int64_t equal = 0;
      for (const StreamGroup& group : arm.groups) {
        if (group.is_solo) equal = count_at(group.runs_by_batch_size, size);
      }
      for (const int64_t count :
           {count_at(arm.runs_by_batch_size, size), equal, count_at(arm.launches_by_logit_rows, size)})
        cells.push_back(std::to_string(count));
    }
    table.row(cells);
  }
  return std::move(table).finish_below("The numbers", view.folds);
}

// A token at a place, or that the stream has ended there.
std::string token_at(const HtmlView& view, int32_t stream, size_t position) {
  const std::vector<int32_t>& tokens = view.stream(stream).tokens;
  return position < tokens.size() ? view.token(tokens[position]) : "the end";
}

std::string stream_numbers(const HtmlView& view, const ArmFinding& arm) {
  HtmlTable table("Streams of " + view.facts(arm).name, {{"Stream"},
                                                         {"Runs", Cells::number},
                                                         {"Leaves solo at", Cells::number},
                                                         {"Its token", Cells::wide},
                                                         {"Solo&rsquo;s", Cells::wide},
                                                         {"Batch sizes", Cells::wide}});
  size_t shown = 0;
  for (const StreamGroup& group : arm.groups) {
    if (++shown > kListed) break;
    std::vector<std::string> cells = {view.names.letter(group.stream), std::to_string(group.runs)};
    if (group.divergence) {
      const auto at = static_cast<size_t>(group.divergence->position);
      cells.insert(cells.end(), {std::to_string(at), token_at(view, group.stream, at),
                                 token_at(view, arm.solo_stream, at)});
    } else {
      cells.insert(cells.end(), {"never", "", ""});
    }
    cells.push_back(brief_ranges(group.runs_by_batch_size));
    table.row(cells);
  }
  std::string summary = "The streams of " + view.name(arm);
  if (arm.groups.size() > kListed)
    summary +=
        fmt::format(": the {} largest of {}; the JSON report has the rest", kListed, arm.groups.size());
  return std::move(table).finish_below(summary, view.folds);
}

// The places at which the number of runs that equal solo changes.
std::string equality_numbers(const HtmlView& view) {
  HtmlTable table("Runs that still equal solo",
                  {{"Arm"}, {"From token", Cells::number}, {"Runs equal to solo", Cells::number}});
  size_t rows = 0;
  for (const ArmFinding& arm : view.finding.arms) {
    int64_t last = -1;
    for (size_t i = 0; i < arm.equal_at.size() && rows < 2 * kListed; ++i) {
      if (arm.equal_at[i] == last) continue;
      last = arm.equal_at[i];
      table.row({view.name(arm), std::to_string(i), fmt::format("{} of {}", last, arm.done)});
      ++rows;
    }
  }
  return std::move(table).finish_below("The numbers", view.folds);
}

// What the marks of a gap chart mean.
std::string gap_key(const ArmFinding& arm) {
  const std::string begin = "<ul class=\"key\">";
  std::string key = begin;
  if (arm.first_divergence) {
    key +=
        "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle class=\"part\" cx=\"8\" cy=\"8\" "
        "r=\"5\"/></svg>a stream leaves here</li>";
  }
  if (arm.top_ties > 0) {
    key += fmt::format(
        "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle class=\"tie\" cx=\"8\" cy=\"8\" "
        "r=\"5\"/></svg>equal logits: {}</li>",
        counted(arm.top_ties, "tie"));
  }
  return key == begin ? "" : key + "</ul>";
}

std::string ratio_text(const HtmlView& view, const SpeedRatio& ratio) {
  const ArmFinding& control = view.finding.arms[static_cast<size_t>(view.finding.control)];
  std::string text =
      fmt::format("<b>{}</b> makes {:.2f} times the tokens a second of <b>{}</b>: the median over {}",
                  view.name(*ratio.arm), ratio.median, view.name(control),
                  counted(static_cast<int64_t>(ratio.by_size.size()), "batch size"));
  if (ratio.by_size.size() > 1) text += fmt::format(", from {:.2f} to {:.2f}", ratio.low, ratio.high);
  text += ".";
  if (view.facts(control).facts.device.rfind("cpu", 0) == 0) {
    text +=
        " On a CPU standard multiplies with OpenBLAS&rsquo;s sgemm, which reads its weights in fp32: twice "
        "the bytes.";
  }
  return "<p class=\"about below\">" + text + "</p>\n";
}

}  // namespace

std::string html_arm_card(const HtmlView& view, const ArmFinding& arm) {
  const SubjectFacts& facts = view.facts(arm).facts;
  std::string markup = fmt::format(
      "<section class=\"card\"><div class=\"head\"><h3>{}</h3>{}<span class=\"kind\">{}{} on {}, sum orders: "
      "{}</span></div>\n"
      "<p class=\"big\">{} <small>of {} runs equal solo</small></p>\n{}<dl>",
      view.name(arm), badge(view, arm), arm.arm == view.finding.control ? "the control: " : "",
      escape(facts.kernel_set), escape(facts.device), escape(facts.sum_order_class), arm.equal_to_solo,
      arm.done, share_bar(view, arm));
  const auto row = [&markup](const char* term, const std::string& text) {
    fmt::format_to(std::back_inserter(markup), "<dt>{}</dt><dd>{}</dd>\n", term, text);
  };
  if (arm.done < arm.planned) {
    row("Planned", fmt::format("{}: {} done, {} failed, {} pending", counted(arm.planned, "run"), arm.done,
                               arm.failed, arm.pending));
  }
  row("Distinct streams", std::to_string(arm.distinct_streams));
  row("First divergence",
      arm.first_divergence
          ? fmt::format("token {}: {} instead of {}", arm.first_divergence->position,
                        view.token(arm.first_divergence->token), view.token(arm.first_divergence->solo_token))
          : "none");
  row("Random trials", rate_lines(arm));
  row("Repeats", repeats(arm));
  row("Probes unlike", fmt::format("{} of {}", arm.probes_unlike, arm.probes));
  row("Batch sizes", brief_ranges(arm.launches_by_logit_rows));
  row("Speed", fmt::format("{:.0f} tokens/s", arm.tokens_per_second));
  return markup + "</dl></section>\n";
}

std::string html_arms(const HtmlView& view) {
  std::string markup = html_section(
      "Both arms",
      "Each arm is the same weights and the same plan with other kernels. A run is one completion of "
      "the prompt; <em>solo</em> is the prompt alone, the reference of its arm.");
  markup += "<div class=\"arms\">\n";
  for (const ArmFinding& arm : view.finding.arms) markup += html_arm_card(view, arm);
  return markup + "</div>\n";
}

std::string html_parting(const HtmlView& view) {
  std::string markup = html_section("How the streams part",
                                    "Each line is a distinct stream of tokens; its width grows with the runs "
                                    "that made it. A circle is the token at which it leaves "
                                    "the stream that it shares most with. Letters name the same stream "
                                    "everywhere on this page; token positions count from 0.");
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.solo_stream < 0) continue;
    markup += html_figure(view.name(arm), kWide, kNarrow, "",
                          [&](double width) { return parting_chart(view.audit, arm, view.names, width); });
    if (arm.distinct_streams > 1) markup += stream_numbers(view, arm);
  }
  const auto has_parted = [](const ArmFinding& arm) { return arm.first_divergence.has_value(); };
  if (std::none_of(view.finding.arms.begin(), view.finding.arms.end(), has_parted)) return markup;
  return markup +
         html_figure("Runs that still equal solo", kWide, kNarrow, arms_key(view),
                     [&](double width) { return equality_chart(view.audit, view.finding, width); }) +
         equality_numbers(view);
}

std::string html_gaps(const HtmlView& view) {
  // The arms that parted show where it could happen; where none did, the first shows that it could have.
  std::vector<const ArmFinding*> arms;
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.solo_stream >= 0 && arm.first_divergence) arms.push_back(&arm);
  }
  if (arms.empty() && view.finding.arms.front().solo_stream >= 0) arms.push_back(&view.finding.arms.front());
  if (arms.empty()) return "";
  std::string markup =
      html_section("How close the best two tokens are",
                   "The gap between the best and the second token at each step of solo, in fp32 before "
                   "rounding, on a logarithmic "
                   "scale. Streams part where the gap is small beside what the logits move.");
  for (const ArmFinding* arm : arms) {
    markup += html_figure("Solo of " + view.name(*arm), kWide, kNarrow, gap_key(*arm), [&](double width) {
      return gap_chart(view.audit, view.finding, *arm, view.names, width);
    });
  }
  return markup;
}

std::string html_batch_sizes(const HtmlView& view) {
  std::string markup = html_section(
      "Batch sizes",
      "Which streams came at which batch size. The numbers hold the witness too: the launches in which "
      "that many sequences really emitted a token.");
  markup += "<div class=\"two\">\n";
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.done == 0) continue;
    markup += html_figure(view.name(arm), kHalf, kNarrow, streams_key(view, arm),
                          [&](double width) { return batch_size_chart(view.audit, arm, view.names, width); });
  }
  return markup + "</div>\n" + batch_size_numbers(view);
}

std::string html_speed(const HtmlView& view) {
  const auto has_speed = [](const ArmFinding& arm) { return !arm.speed.empty(); };
  if (std::none_of(view.finding.arms.begin(), view.finding.arms.end(), has_speed)) return "";
  std::string markup = html_section(
      "Speed",
      "Tokens a second of all sequences in a trial, prefill included: the median over trials of a batch "
      "size, with its quartiles as a band. Arms took turns, trial by trial.");
  std::vector<SpeedLine> lines;
  for (const ArmFinding& arm : view.finding.arms) lines.push_back({view.facts(arm).name, arm.speed});
  markup += html_figure("Tokens a second", kWide, kNarrow, arms_key(view),
                        [&](double width) { return speed_chart(lines, width); });
  HtmlTable table("Tokens a second by batch size", {{"Arm"},
                                                    {"Batch size", Cells::number},
                                                    {"Trials", Cells::number},
                                                    {"Median tokens/s", Cells::number},
                                                    {"Quartiles", Cells::number},
                                                    {"Times the control&rsquo;s", Cells::number}});
  for (const ArmFinding& arm : view.finding.arms) {
    const std::optional<SpeedRatio> ratio = speed_ratio(view.finding, arm);
    if (ratio) markup += ratio_text(view, *ratio);
    for (const SpeedAtSize& at : arm.speed) {
      const bool known = ratio && ratio->by_size.contains(at.batch_size);
      table.row({view.name(arm), std::to_string(at.batch_size), std::to_string(at.trials),
                 fmt::format("{:.1f}", at.tokens_per_second),
                 fmt::format("{:.1f} to {:.1f}", at.low, at.high),
                 known ? fmt::format("{:.2f}", ratio->by_size.at(at.batch_size)) : ""});
    }
  }
  return markup + std::move(table).finish_below("The numbers", view.folds);
}

}  // namespace ra
