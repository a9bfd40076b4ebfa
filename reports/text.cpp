// The terminal's summary: one block an arm, then what may be said.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/json.h"
#include "reports/report.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kLabel = 20;       // columns of the labels, indent included
constexpr size_t kPieceBytes = 40;  // of a token's text

enum class Tone : uint8_t { good, bad, notice, strong };

// Columns that UTF-8 text takes: wide East Asian characters and emoji take two.
size_t columns(std::string_view text) {
  size_t count = 0;
  char32_t point = 0;
  const auto is_wide = [](char32_t c) {
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    point = byte < 0x80   ? byte
            : byte < 0xC0 ? point << 6 | (byte & 0x3F)
                          : byte & (byte < 0xE0   ? 0x1F
                                    : byte < 0xF0 ? 0x0F
                                                  : 0x07);
    const bool ends = i + 1 == text.size() || (static_cast<unsigned char>(text[i + 1]) & 0xC0) != 0x80;
    if (ends) count += is_wide(point) ? 2 : 1;
  }
  return count;
}

class Summary {
 public:
  Summary(const Audit& audit, const Finding& finding, int width, bool color)
      : audit_(audit),
        finding_(finding),
        width_(static_cast<size_t>(std::clamp(width, 40, 200))),
        color_(color) {}

  std::string make() {
    for (const ArmFinding& arm : finding_.arms) {
      add_arm(arm);
      text_ += '\n';
    }
    for (size_t i = 0; i < finding_.verdict.size(); ++i) {
      // The arms' sentences say what their blocks say.
      if (i == 0 || i > finding_.arms.size()) wrap("", finding_.verdict[i], i == 0);
    }
    wrap("", policy(), false);
    wrap("", finding_.scope, false);
    return std::move(text_);
  }

 private:
  std::string toned(const std::string& text, Tone tone) const {
    if (!color_) return text;
    const char* code = tone == Tone::good     ? "1;32"
                       : tone == Tone::bad    ? "1;31"
                       : tone == Tone::notice ? "1;33"
                                              : "1";
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }

  // `label` in its column, then the words, broken at blanks to the width; a word that is wider than a line is cut.
  void wrap(const std::string& label, std::string_view words, bool strong) {
    const size_t indent = label.empty() ? 0 : kLabel;
    std::string line = label.empty() ? "" : fmt::format("  {:<{}}", label, kLabel - 2);
    size_t used = indent;
    bool begun = false;
    const auto flush = [&] {
      text_ += (strong ? toned(line, Tone::strong) : line) + "\n";
      line.assign(indent, ' ');
      used = indent;
      begun = false;
    };
    while (!words.empty()) {
      const size_t blank = words.find(' ');
      std::string_view word = words.substr(0, blank);
      words.remove_prefix(blank == std::string_view::npos ? words.size() : blank + 1);
      if (begun && used + 1 + columns(word) > width_) flush();
      if (begun) {
        line += ' ';
        ++used;
      }
      while (used + columns(word) > width_) {
        size_t taken = 0;
        size_t next = 0;
        while (next < word.size()) {
          size_t after = next + 1;
          while (after < word.size() && (static_cast<unsigned char>(word[after]) & 0xC0) == 0x80) ++after;
          if (used + columns(word.substr(0, after)) > width_) break;
          next = taken = after;
        }
        line += word.substr(0, taken);
        word.remove_prefix(taken);
        flush();
      }
      line += word;
      used += columns(word);
      begun = true;
    }
    if (begun) flush();
  }

  std::string token(int32_t id) const {
    if (id < 0) return "the end";
    return fmt::format("\"{}\" ({})", printable(piece_of(audit_, id), kPieceBytes), id);
  }

  std::string policy() const {
    int64_t met = 0;
    for (const RuleOutcome& rule : finding_.rules) met += rule.state == RuleState::met ? 1 : 0;
    if (finding_.rules.empty()) return fmt::format("Policy {}: no rules.", printable(finding_.policy));
    return fmt::format("Policy {}: {} of {} met.", printable(finding_.policy), met,
                       counted(static_cast<int64_t>(finding_.rules.size()), "rule"));
  }

  void add_arm(const ArmFinding& arm) {
    const Arm& facts = audit_.arms[static_cast<size_t>(arm.arm)];
    const bool control = arm.arm == finding_.control;
    const Tone tone = arm.verdict == Verdict::identical    ? Tone::good
                      : arm.verdict == Verdict::incomplete ? Tone::notice
                      : control                            ? Tone::notice
                                                           : Tone::bad;
    text_ += toned(printable(facts.name), Tone::strong) + (control ? " (control): " : ": ") +
             toned(name_of(arm.verdict), tone) + "\n";
    std::string runs = fmt::format("{} of {} equal solo; {}", arm.equal_to_solo, arm.done,
                                   counted(arm.distinct_streams, "stream"));
    if (arm.done < arm.planned) {
      runs += fmt::format("; {} planned, {} failed, {} pending", arm.planned, arm.failed, arm.pending);
    }
    wrap("runs", runs, false);
    if (arm.first_divergence) {
      wrap("first divergence",
           fmt::format("token {}: {}; solo has {}", arm.first_divergence->position,
                       token(arm.first_divergence->token), token(arm.first_divergence->solo_token)),
           false);
    }
    if (arm.digests.trials > 0) {
      wrap("random trials",
           fmt::format("{} differ in logits; {} in tokens", rate_text(arm.digests), rate_text(arm.tokens)),
           false);
    }
    if (!arm.launches_by_logit_rows.empty()) wrap("batch sizes", ranges(arm.launches_by_logit_rows), false);
    if (arm.speed.empty()) return;
    std::string speed = fmt::format("{:.0f} tokens/s", arm.tokens_per_second);
    for (const SpeedAtSize* at : {&arm.speed.front(), &arm.speed.back()}) {
      if (arm.speed.size() < 2) break;
      speed += fmt::format("{}{:.0f} at batch size {}", at == &arm.speed.front() ? "; " : ", ",
                           at->tokens_per_second, at->batch_size);
    }
    wrap("speed", speed, false);
  }

  const Audit& audit_;
  const Finding& finding_;
  const size_t width_;
  const bool color_;
  std::string text_;
};

}  // namespace

std::string text_summary(const Audit& audit, const Finding& finding, int width, bool color) {
  return Summary(audit, finding, width, color).make();
}

}  // namespace ra
