// The terminal's summary: one block an arm, then what may be said.
#include <fmt/format.h>

#include "core/printable.h"
#include "reports/report.h"
#include "reports/text_lines.h"
#include "reports/words.h"

namespace ra {
namespace {

class Summary {
 public:
  Summary(const Audit& audit, const Finding& finding, int width, bool color)
      : audit_(audit), finding_(finding), lines_(width, color) {}

  std::string make() {
    for (const ArmFinding& arm : finding_.arms) {
      add_arm(arm);
      lines_.add("");
    }
    for (size_t i = 0; i < finding_.verdict.size(); ++i) {
      // The arms' sentences say what their blocks say.
      if (i == 0 || i > finding_.arms.size())
        lines_.wrap("", finding_.verdict[i], i == 0 ? Tone::strong : Tone::plain);
    }
    lines_.wrap("", policy());
    lines_.wrap("", finding_.scope);
    return std::move(lines_).finish();
  }

 private:
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
    lines_.add(lines_.toned(printable(facts.name), Tone::strong) + (control ? " (control): " : ": ") +
               lines_.toned(name_of(arm.verdict), tone));
    std::string runs = fmt::format("{} of {} equal solo; {}", arm.equal_to_solo, arm.done,
                                   counted(arm.distinct_streams, "stream"));
    if (arm.done < arm.planned) {
      runs += fmt::format("; {} planned, {} failed, {} pending", arm.planned, arm.failed, arm.pending);
    }
    lines_.wrap("runs", runs);
    if (arm.first_divergence) {
      lines_.wrap("first divergence", fmt::format("token {}: {}; solo has {}", arm.first_divergence->position,
                                                  token_text(audit_, arm.first_divergence->token),
                                                  token_text(audit_, arm.first_divergence->solo_token)));
    }
    if (arm.digests.trials > 0) {
      lines_.wrap("random trials", fmt::format("{} differ in logits; {} in tokens", rate_text(arm.digests),
                                               rate_text(arm.tokens)));
    }
    if (!arm.launches_by_logit_rows.empty())
      lines_.wrap("batch sizes", brief_ranges(arm.launches_by_logit_rows));
    if (arm.speed.empty()) return;
    std::string speed = fmt::format("{:.0f} tokens/s", arm.tokens_per_second);
    for (const SpeedAtSize* at : {&arm.speed.front(), &arm.speed.back()}) {
      if (arm.speed.size() < 2) break;
      speed += fmt::format("{}{:.0f} at batch size {}", at == &arm.speed.front() ? "; " : ", ",
                           at->tokens_per_second, at->batch_size);
    }
    lines_.wrap("speed", speed);
  }

  const Audit& audit_;
  const Finding& finding_;
  TextLines lines_;
};

}  // namespace

std::string text_summary(const Audit& audit, const Finding& finding, int width, bool color) {
  return Summary(audit, finding, width, color).make();
}

}  // namespace ra
