// Two audits compared, for the terminal: a block for what changed around them, then one for each arm.
#include <fmt/format.h>

#include "core/printable.h"
#include "reports/comparison_report.h"
#include "reports/text_lines.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kValueBytes = 200;

std::string shown(const std::optional<std::string>& value) {
  return value ? fmt::format("\"{}\"", printable(*value, kValueBytes)) : "absent";
}

std::string shown(const ValueChange& change) {
  return fmt::format("{}: {}, now {}", printable(change.name, kValueBytes), shown(change.a), shown(change.b));
}

Tone tone_of(Likeness likeness) {
  return likeness == Likeness::same ? Tone::good : likeness == Likeness::different ? Tone::bad : Tone::notice;
}

class Text {
 public:
  Text(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found, int width, bool color)
      : a_(a), b_(b), found_(found), lines_(width, color) {}

  std::string make() {
    lines_.wrap("",
                fmt::format("{} ({}) and {} ({})", printable(a_.name), printable(a_.audit.id),
                            printable(b_.name), printable(b_.audit.id)),
                Tone::strong);
    for (const ValueChange& change : found_.facts) lines_.wrap("", "  " + shown(change));
    lines_.add("");
    for (const ArmComparison& arm : found_.arms) add_arm(arm);
    for (const int32_t arm : found_.only_b) {
      lines_.wrap("", fmt::format("{}: only in {}", printable(b_.audit.arms[static_cast<size_t>(arm)].name),
                                  printable(b_.name)));
    }
    if (!found_.only_b.empty()) lines_.add("");
    lines_.wrap("", comparison_sentence(found_), Tone::strong);
    return std::move(lines_).finish();
  }

 private:
  void add_arm(const ArmComparison& arm) {
    const Arm& a = a_.audit.arms[static_cast<size_t>(arm.a)];
    lines_.add(lines_.toned(printable(a.name), Tone::strong) +
               fmt::format(" ({}): ", printable(a.facts.sum_order_class)) +
               lines_.toned(name_of(arm.likeness), tone_of(arm.likeness)));
    for (const std::string& obstacle : arm.obstacles) lines_.wrap("because", obstacle);
    if (arm.b >= 0) add_streams(arm);
    for (const ValueChange& change : arm.facts) lines_.wrap("environment", shown(change));
    add_choices(arm);
    add_speed(arm);
    lines_.add("");
  }

  void add_streams(const ArmComparison& arm) {
    const Arm& b = b_.audit.arms[static_cast<size_t>(arm.b)];
    if (b.name != a_.audit.arms[static_cast<size_t>(arm.a)].name)
      lines_.wrap("compared with", printable(b.name));
    lines_.wrap("streams", fmt::format("{} compared{}; {} equal in tokens, {} in tokens and logits",
                                       arm.streams, found_.same_plan ? "" : ", solos only: the plans differ",
                                       arm.equal_tokens, arm.equal_logits));
    if (!arm.parting) return;
    const Parting& parting = *arm.parting;
    const std::string where = parting_place(b_.audit, parting);
    lines_.wrap("first parting",
                parting.tokens ? fmt::format("{}: {}, now {}", where, token_text(a_.audit, parting.a_token),
                                             token_text(b_.audit, parting.b_token))
                               : fmt::format("{}: other logits, the same tokens", where));
  }

  // A line a role, with the rows at which its choice is another one and an example; the JSON has all of them.
  void add_choices(const ArmComparison& arm) {
    for (const RoleChange& change : changes_by_role(arm)) {
      lines_.wrap(
          "kernel choice",
          fmt::format("{} at {} {}{}: {}{}, now {}", printable(change.example.role),
                      change.rows.size() == 1 ? "row count" : "row counts", brief_ranges(change.rows),
                      change.sum_order ? ", with another sum order" : "", change.is_alone ? "" : "such as ",
                      shown(change.example.a), shown(change.example.b)));
    }
  }

  void add_speed(const ArmComparison& arm) {
    if (arm.speed.empty()) return;
    const auto at = [](const SpeedAtSize& speed) {
      return fmt::format("{:.0f} ({:.0f} to {:.0f})", speed.tokens_per_second, speed.low, speed.high);
    };
    std::string text;
    for (const SpeedChange* change : {&arm.speed.front(), &arm.speed.back()}) {
      if (change == &arm.speed.back() && arm.speed.size() == 1) break;
      text += fmt::format("{}, now {} tokens/s at batch size {}; ", at(change->a), at(change->b),
                          change->a.batch_size);
    }
    if (arm.slowdown)
      text += fmt::format("{:.2f} times as long, median over {}", *arm.slowdown,
                          counted(static_cast<int64_t>(arm.speed.size()), "batch size"));
    lines_.wrap("speed", text);
  }

  const ComparedAudit &a_, &b_;
  const Comparison& found_;
  TextLines lines_;
};

}  // namespace

std::string comparison_sentence(const Comparison& found) {
  switch (found.likeness) {
    case Likeness::same:
      return "Same: every stream that both have done has equal tokens and equal logits.";
    case Likeness::different:
      return fmt::format("Different: {}.", found.reason);
    case Likeness::not_comparable:
      return fmt::format("{}{}.", found.obstacles.empty() ? "" : "Not comparable: ", found.reason);
  }
  return "";
}

std::vector<RoleChange> changes_by_role(const ArmComparison& arm) {
  std::map<std::string, RoleChange> roles;
  for (const ChoiceChange& change : arm.choices) {
    const auto [entry, first] = roles.try_emplace(change.role, RoleChange{.example = change});
    RoleChange& role = entry->second;
    role.is_alone = first;
    role.sum_order = role.sum_order || change.sum_order;
    for (const int32_t count : change.rows) role.rows[count] = 1;
  }
  std::vector<RoleChange> changes;
  for (auto& [name, role] : roles) changes.push_back(std::move(role));
  return changes;
}

std::string parting_place(const Audit& b, const Parting& parting) {
  const Trial& trial = b.plan.trials[static_cast<size_t>(parting.trial)];
  return fmt::format("trial {} ({}, batch size {}), sequence {}, token {}", trial.id, name_of(trial.kind),
                     trial.batch_size, parting.sequence, parting.position);
}

std::string text_comparison(const ComparedAudit& a, const ComparedAudit& b, const Comparison& found,
                            int width, bool color) {
  return Text(a, b, found, width, color).make();
}

}  // namespace ra
