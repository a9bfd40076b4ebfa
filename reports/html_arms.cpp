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

std::string badge(const HtmlView& view, const ArmFinding& arm) {
  const bool may_differ = arm.arm == view.finding.control;
  const char* tone = arm.verdict == Verdict::identical                 ? "good"
                     : arm.verdict == Verdict::diverged && !may_differ ? "bad"
                                                                       : "notice";
  return fmt::format("<span class=\"badge {}\">{}</span>", tone, name_of(arm.verdict));
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

std::string card(const HtmlView& view, const ArmFinding& arm) {
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
  row("Batch sizes", arm.launches_by_logit_rows.empty() ? "none" : ranges(arm.launches_by_logit_rows));
  row("Speed", fmt::format("{:.0f} tokens/s", arm.tokens_per_second));
  return markup + "</dl></section>\n";
}

std::string arms_key(const HtmlView& view) {
  std::string key = "<ul class=\"key\">";
  for (const ArmFinding& arm : view.finding.arms) {
    fmt::format_to(std::back_inserter(key),
                   "<li><svg viewBox=\"0 0 30 16\" aria-hidden=\"true\"><path class=\"arm a{}\" d=\"M0 "
                   "8H30\"/></svg>{}</li>",
                   arm.arm % 4, view.name(arm));
  }
  return key + "</ul>";
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
  std::string markup =
      "<details><summary>The numbers</summary><div class=\"scroll\"><table><thead><tr><th class=\"n\">Batch "
      "size</th>";
  std::set<int32_t> sizes;
  for (const ArmFinding& arm : view.finding.arms) {
    fmt::format_to(
        std::back_inserter(markup),
        "<th class=\"n\">{}: runs</th><th class=\"n\">equal solo</th><th class=\"n\">launches</th>",
        view.name(arm));
    for (const auto& [size, runs] : arm.runs_by_batch_size) sizes.insert(size);
    for (const auto& [size, launches] : arm.launches_by_logit_rows) sizes.insert(size);
  }
  markup += "</tr></thead><tbody>\n";
  for (const int32_t size : sizes) {
    fmt::format_to(std::back_inserter(markup), "<tr><th class=\"n\">{}</th>", size);
    for (const ArmFinding& arm : view.finding.arms) {
      int64_t equal = 0;
      for (const StreamGroup& group : arm.groups) {
        if (group.is_solo) equal = count_at(group.runs_by_batch_size, size);
      }
      fmt::format_to(
          std::back_inserter(markup), "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>",
          count_at(arm.runs_by_batch_size, size), equal, count_at(arm.launches_by_logit_rows, size));
    }
    markup += "</tr>\n";
  }
  return markup + "</tbody></table></div></details>\n";
}

}  // namespace

std::string html_arms(const HtmlView& view) {
  std::string markup = html_section(
      "Both arms",
      "Each arm is the same weights and the same plan with other kernels. A run is one completion of "
      "the prompt; <em>solo</em> is the prompt alone, the reference of its arm.");
  markup += "<div class=\"arms\">\n";
  for (const ArmFinding& arm : view.finding.arms) markup += card(view, arm);
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
  }
  const auto has_parted = [](const ArmFinding& arm) { return arm.first_divergence.has_value(); };
  if (std::none_of(view.finding.arms.begin(), view.finding.arms.end(), has_parted)) return markup;
  return markup + html_figure("Runs that still equal solo", kWide, kNarrow, arms_key(view),
                              [&](double width) { return equality_chart(view.audit, view.finding, width); });
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
  markup += html_figure("Tokens a second", kWide, kNarrow, arms_key(view),
                        [&](double width) { return speed_chart(view.audit, view.finding, width); });
  markup +=
      "<details><summary>The numbers</summary><div class=\"scroll\"><table><thead><tr><th>Arm</th><th "
      "class=\"n\">Batch size</th>"
      "<th class=\"n\">Trials</th><th class=\"n\">Median tokens/s</th><th "
      "class=\"n\">Quartiles</th></tr></thead><tbody>\n";
  for (const ArmFinding& arm : view.finding.arms) {
    for (const SpeedAtSize& at : arm.speed) {
      fmt::format_to(std::back_inserter(markup),
                     "<tr><th>{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
                     "class=\"n\">{:.1f}</td><td class=\"n\">{:.1f} to "
                     "{:.1f}</td></tr>\n",
                     view.name(arm), at.batch_size, at.trials, at.tokens_per_second, at.low, at.high);
    }
  }
  return markup + "</tbody></table></div></details>\n";
}

}  // namespace ra
