// The terminal's table of a list of prompts.
#include <fmt/format.h>

#include <algorithm>

#include "core/printable.h"
#include "reports/prompts_report.h"
#include "reports/text_lines.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr int kName = 22, kCell = 29;  // columns

// "diverged at 17, 3 streams"
std::string cell(const ArmSummary& arm) {
  std::string text = name_of(arm.verdict);
  if (arm.first_divergence) text += fmt::format(" at {}", *arm.first_divergence);
  if (arm.distinct_streams > 1) text += fmt::format(", {}", counted(arm.distinct_streams, "stream"));
  if (arm.verdict == Verdict::incomplete) text += fmt::format(", {} of {} runs", arm.done, arm.planned);
  return text;
}

Tone tone_of(Verdict verdict, bool control) {
  switch (verdict) {
    case Verdict::identical:
      return Tone::good;
    case Verdict::incomplete:
      return Tone::notice;
    default:
      return control ? Tone::notice : Tone::bad;
  }
}

class Lines {
 public:
  Lines(const PromptSet& set, int width, bool color) : set_(set), width_(width), lines_(width, color) {}

  std::string make() {
    table();
    for (size_t arm = 0; arm < set_.arms.size(); ++arm) over_all(arm);
    for (size_t i = 0; i < set_.verdict.size(); ++i) {
      // What the arms' sentences say, their blocks say.
      if (i == 0 || i > set_.arms.size())
        lines_.wrap("", printable(set_.verdict[i], kSentence), i == 0 ? Tone::strong : Tone::plain);
    }
    const auto met = std::count_if(set_.prompts.begin(), set_.prompts.end(),
                                   [](const PromptOutcome& prompt) { return prompt.exit_status == 0; });
    lines_.wrap("", fmt::format("Policy {}: met by {} of {}.", printable(set_.policy), met,
                                counted(static_cast<int64_t>(set_.prompts.size()), "prompt")));
    lines_.wrap("", set_.scope);
    return std::move(lines_).finish();
  }

 private:
  static constexpr size_t kSentence = 1000;

  // A line a prompt; where the arms are more than the columns hold, their cells go on below.
  void table() {
    const auto fitting = static_cast<size_t>(std::max(1, (std::clamp(width_, 40, 200) - kName) / kCell));
    const auto row = [&](const std::string& name, const auto& text_of) {
      for (size_t first = 0; first < set_.arms.size(); first += fitting) {
        std::string line = fmt::format("{:<{}}", first == 0 ? name : "", kName);
        for (size_t arm = first; arm < std::min(set_.arms.size(), first + fitting); ++arm)
          line += fmt::format("{:<{}}", text_of(arm), kCell);
        lines_.add(line.substr(0, line.find_last_not_of(' ') + 1));
      }
    };
    row("prompt", [&](size_t arm) { return printable(set_.arms[arm].name, kCell - 2); });
    for (const PromptOutcome& prompt : set_.prompts) {
      const std::string mark = prompt.exit_status == 0 ? "" : prompt.incomplete ? "? " : "! ";
      row(mark + printable(prompt.name, static_cast<size_t>(kName - 4)),
          [&](size_t arm) { return cell(prompt.arms[arm]); });
    }
    lines_.add("");
  }

  void over_all(size_t place) {
    const SetArm& arm = set_.arms[place];
    const bool control = static_cast<int32_t>(place) == set_.control;
    lines_.add(lines_.toned(printable(arm.name), Tone::strong) + (control ? " (control): " : ": ") +
               lines_.toned(name_of(arm.verdict), tone_of(arm.verdict, control)));
    lines_.wrap("prompts", fmt::format("{} differ in logits; {} in tokens", prompt_rate_text(arm.digests),
                                       prompt_rate_text(arm.tokens)));
    if (arm.worst) {
      const PromptOutcome& worst = set_.prompts[*arm.worst];
      const ArmSummary& there = worst.arms[place];
      std::string how = "in logits alone";
      if (there.verdict == Verdict::diverged) {
        how = fmt::format("{} of {} runs equal solo; {}", there.equal_to_solo, there.done,
                          counted(there.distinct_streams, "stream"));
        if (there.first_divergence) how += fmt::format("; first at token {}", *there.first_divergence);
      }
      lines_.wrap("worst prompt", fmt::format("{}: {}", printable(worst.name), how));
    }
    lines_.add("");
  }

  const PromptSet& set_;
  const int width_;
  TextLines lines_;
};

}  // namespace

std::string prompts_text(const PromptSet& set, int width, bool color) {
  return Lines(set, width, color).make();
}

}  // namespace ra
