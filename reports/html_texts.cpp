// What the streams say around the place where they leave solo.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kBefore = 30, kAfter = 34;  // tokens shown around a divergence
constexpr size_t kForks = 6;                 // of an arm

// The marked token at `position` and what follows.
std::string branch(const ForkSide& side, size_t position, const char* mark) {
  const HtmlView& view = side.view;
  const Stream& stream = view.stream(side.stream);
  const size_t end = std::min(stream.tokens.size(), position + 1 + kAfter);
  std::string marked = "the end";
  if (position < stream.tokens.size()) marked = escape(shown_piece(view.audit, stream.tokens[position]));
  return fmt::format("<div>{}<div class=\"said\"><mark{}>{}</mark>{}{}</div></div>", side.label, mark, marked,
                     escape(text_of(view.audit, stream, position + 1, end), Breaks::kept),
                     end < stream.tokens.size() ? "&hellip;" : "");
}

std::string margin(const HtmlView& view, const Divergence& divergence) {
  const auto id = [](int32_t token) { return token < 0 ? std::string("none") : std::to_string(token); };
  std::string text =
      fmt::format("Token ids {} in solo, {} here.", id(divergence.solo_token), id(divergence.token));
  if (!divergence.solo_gap || !divergence.gap) return text;
  text += fmt::format(" Gap between the two, in fp32: {:.4f} in solo, {:.4f} here", *divergence.solo_gap,
                      *divergence.gap);
  if (divergence.consistent_with_rounding) {
    text += fmt::format("; a change of {:.4f} is {} rounding (4 &epsilon; = {:.4f})",
                        std::abs(*divergence.solo_gap - *divergence.gap),
                        *divergence.consistent_with_rounding ? "consistent with" : "not explained by",
                        4 * view.finding.epsilon.value_or(0));
  }
  return text + ".";
}

std::string fork(const HtmlView& view, const ArmFinding& arm, const StreamGroup& group) {
  const auto position = static_cast<size_t>(group.divergence->position);
  const auto side = [&view](int32_t stream) {
    return ForkSide{
        view, stream,
        fmt::format("<b class=\"{}\">{}</b>", view.names.color(stream), view.names.letter(stream))};
  };
  return fmt::format(
      "<div><div class=\"who\"><b>Token {}</b> &middot; {}, at batch size {}</div>\n{}<div "
      "class=\"gap\">{}</div></div>\n",
      position, counted(group.runs, "run"), brief_ranges(group.runs_by_batch_size),
      html_fork("fork", side(arm.solo_stream), side(group.stream), position),
      margin(view, *group.divergence));
}

std::string forks(const HtmlView& view, const ArmFinding& arm) {
  std::vector<const StreamGroup*> parted;
  for (const StreamGroup& group : arm.groups) {
    if (group.divergence) parted.push_back(&group);
  }
  std::stable_sort(parted.begin(), parted.end(), [](const StreamGroup* a, const StreamGroup* b) {
    return a->divergence->position < b->divergence->position;
  });
  std::string markup = fmt::format("<h3>{}</h3>\n<div class=\"texts\">\n", view.name(arm));
  for (size_t i = 0; i < std::min(parted.size(), kForks); ++i) markup += fork(view, arm, *parted[i]);
  markup += "</div>\n";
  if (parted.size() > kForks) {
    markup += fmt::format("<p class=\"about\">{} later are not shown; the JSON report has them.</p>\n",
                          counted(static_cast<int64_t>(parted.size() - kForks), "stream"));
  }
  return markup;
}

}  // namespace

std::string html_fork(const std::string& style, const ForkSide& from, const ForkSide& to, size_t position) {
  const size_t begin = position > kBefore ? position - kBefore : 0;
  const std::string context =
      escape(text_of(to.view.audit, to.view.stream(to.stream), begin, position), Breaks::kept);
  return fmt::format("<div class=\"said same\">{}{}</div>\n<div class=\"{}\">{}{}</div>\n",
                     begin > 0 ? "&hellip;" : "", context, style, branch(from, position, ""),
                     branch(to, position, " class=\"other\""));
}

std::string html_texts(const HtmlView& view) {
  std::string markup;
  for (const ArmFinding& arm : view.finding.arms) {
    if (arm.first_divergence && arm.solo_stream >= 0) markup += forks(view, arm);
  }
  if (!markup.empty()) {
    return html_section("Around the first divergence",
                        "Where each stream leaves solo, the earliest first: in grey what both say, then solo "
                        "and the other, the two "
                        "tokens marked.") +
           markup;
  }
  const ArmFinding& first = view.finding.arms.front();
  if (first.solo_stream < 0) return "";
  return html_section("The answer", "No stream left solo. This is what the model said.") +
         fmt::format("<div class=\"texts\"><div><div class=\"said\">{}</div></div></div>\n",
                     escape(text_of(view.audit, view.stream(first.solo_stream), 0, SIZE_MAX), Breaks::kept));
}

}  // namespace ra
