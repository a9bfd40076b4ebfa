// Two audits in one page: what they compared to, then each arm beside its like.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "reports/comparison_report.h"
#include "reports/escape.h"
#include "reports/html_parts.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr double kWide = 860, kNarrow = 320;  // widths of drawings, in pixels
constexpr size_t kListed = 40;                // rows of a table of streams
constexpr size_t kValueBytes = 300;           // of a value in a table

// A side of the page: an audit under the name by which it was asked for.
struct Side {
  const ComparedAudit& audit;
  const HtmlView& view;
  std::string name;  // escaped
};

const char* tone_of(Likeness likeness) {
  return likeness == Likeness::same ? "good" : likeness == Likeness::different ? "bad" : "notice";
}

std::string badge(Likeness likeness) {
  return html_badge(tone_of(likeness), name_of(likeness));
}

std::string cut(const std::string& value) {
  return escape(value.substr(0, kValueBytes)) + (value.size() > kValueBytes ? "&hellip;" : "");
}

class Page {
 public:
  Page(const Side& a, const Side& b, const Comparison& found) : a_(a), b_(b), found_(found) {}

  std::string make() const {
    std::string page = html_begin("repro-audit compare: " + a_.audit.audit.subject.model_name) + header() +
                       "<main>\n" + audits();
    for (const ArmComparison& arm : found_.arms) page += arm_section(arm);
    if (!found_.only_b.empty()) page += alone();
    return page + html_definitions() + "</main>\n" +
           html_end(fmt::format("Audits <span class=\"mono\">{}</span> and <span class=\"mono\">{}</span>",
                                escape(a_.audit.audit.id), escape(b_.audit.audit.id)));
  }

 private:
  // "standard: not comparable. invariant: 332 of 333 streams equal."
  std::string headline() const {
    if (found_.arms.empty()) return "Not comparable";
    std::string text;
    for (const ArmComparison& arm : found_.arms) {
      const std::string& name = a_.audit.audit.arms[static_cast<size_t>(arm.a)].name;
      text += fmt::format("{}{}: ", text.empty() ? "" : " ", escape(name));
      text += arm.likeness == Likeness::not_comparable
                  ? "not comparable."
                  : fmt::format("{} of {} equal.", arm.equal_logits, counted(arm.streams, "stream"));
    }
    return text;
  }

  std::string header() const {
    const AuditSubject& subject = b_.audit.audit.subject;
    return fmt::format(
        "<header>\n<p class=\"scope\">{}</p>\n{}\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p "
        "class=\"subject\"><b>{}</b><br><q>{}</q></p>\n</header>\n",
        escape(b_.view.finding.scope), badge(found_.likeness), headline(),
        escape(comparison_sentence(found_)), escape(subject.model_name),
        escape(subject.prompt_text, Breaks::kept));
  }

  std::string audits() const {
    HtmlTable table("The two audits", {{"What"}, {a_.name, Cells::wide}, {b_.name, Cells::wide}});
    const auto row = [&](const char* what, const auto& value) { table.row({what, value(a_), value(b_)}); };
    row("Audit", [](const Side& side) { return escape(side.audit.audit.id); });
    row("Begun", [](const Side& side) { return escape(side.audit.audit.created); });
    row("Program", [](const Side& side) { return "repro-audit " + escape(side.audit.audit.tool); });
    row("Answer", [](const Side& side) { return escape(side.view.finding.verdict.front()); });
    row("Policy", [](const Side& side) {
      const Finding& finding = side.view.finding;
      return escape(finding.reason.empty() ? finding.policy + ": met" : finding.reason);
    });
    return html_section("The two audits",
                        found_.same_plan
                            ? "Both ran the same plan, so every run and probe is compared with its "
                              "like."
                            : "Their plans differ, so only what each computed alone is compared: "
                              "the prompt, and the probes that both have.") +
           std::move(table).finish() +
           changes("What changed around them", "Program, model, prompt, plan and settings", found_.facts);
  }

  std::string changes(const std::string& title, const std::string& what,
                      const std::vector<ValueChange>& values) const {
    std::string markup = "<h3>" + escape(title) + "</h3>\n";
    if (values.empty()) return markup + "<p class=\"about\">" + what + " are the same.</p>\n";
    HtmlTable table(title, {{"What", Cells::wide}, {a_.name, Cells::wide}, {b_.name, Cells::wide}});
    for (const ValueChange& change : values) {
      const auto shown = [](const std::optional<std::string>& value) {
        return value ? cut(*value) : "absent";
      };
      table.row({cut(change.name), shown(change.a), shown(change.b)});
    }
    return markup + std::move(table).finish();
  }

  const ArmFinding& finding_of(const Side& side, int32_t arm) const {
    return side.view.finding.arms[static_cast<size_t>(arm)];
  }

  std::string arm_section(const ArmComparison& arm) const {
    const Arm& a = a_.audit.audit.arms[static_cast<size_t>(arm.a)];
    std::string markup =
        html_section(escape(a.name), badge(arm.likeness) + " sum orders: " + escape(a.facts.sum_order_class));
    if (!arm.obstacles.empty()) {
      markup += "<ul class=\"limits\">\n";
      for (const std::string& obstacle : arm.obstacles) markup += "<li>" + escape(obstacle) + "</li>\n";
      markup += "</ul>\n";
    }
    markup += "<div class=\"arms\">\n" + card(a_, arm.a) + (arm.b < 0 ? "" : card(b_, arm.b)) + "</div>\n";
    if (arm.b < 0) return markup;
    return markup + agreement(arm) + streams(arm) + speed(arm) +
           changes("Environment of " + a.name, "Device, class, certified outputs and environment",
                   arm.facts) +
           choices(arm);
  }

  std::string card(const Side& side, int32_t arm) const {
    return fmt::format("<div><p class=\"about\">{}</p>\n{}</div>\n", side.name,
                       html_arm_card(side.view, finding_of(side, arm)));
  }

  // How many streams agree, and where the first one parts.
  std::string agreement(const ArmComparison& arm) const {
    std::string markup = fmt::format(
        "<h3>Which streams agree</h3>\n<p>{} compared{}: <b>{}</b> equal in tokens, <b>{}</b> in tokens and "
        "every "
        "digest of logits.</p>\n",
        counted(arm.streams, "stream"), found_.same_plan ? "" : ", solos alone", arm.equal_tokens,
        arm.equal_logits);
    if (arm.worse) markup += "<p>The verdict is worse than it was.</p>\n";
    if (!arm.parting) return markup;
    const Parting& parting = *arm.parting;
    const std::string where = parting_place(b_.audit.audit, parting);
    if (!parting.tokens)
      return markup + fmt::format("<p>The first to part, in logits and not in tokens: {}.</p>\n", where);
    const auto side = [](const Side& of, int32_t stream) {
      return ForkSide{of.view, stream, fmt::format("<div class=\"who\">{}</div>", of.name)};
    };
    return markup + fmt::format(
                        "<div class=\"texts\"><div><div class=\"who\"><b>The first to part</b> &middot; "
                        "{}</div>\n{}<div "
                        "class=\"gap\">Token ids {} and {}.</div></div></div>\n",
                        where,
                        html_fork("fork named", side(a_, parting.a_stream), side(b_, parting.b_stream),
                                  static_cast<size_t>(parting.position)),
                        id(parting.a_token), id(parting.b_token));
  }

  static std::string id(int32_t token) { return token < 0 ? "none" : std::to_string(token); }

  // Each distinct stream with the runs that made it in either audit.
  std::string streams(const ArmComparison& arm) const {
    struct Row {
      std::string letter;
      std::string runs[2];
    };
    std::vector<Row> rows;
    for (const int which : {0, 1}) {
      const Side& side = which == 0 ? a_ : b_;
      for (const StreamGroup& group : finding_of(side, which == 0 ? arm.a : arm.b).groups) {
        const std::string letter = side.view.names.letter(group.stream);
        auto at =
            std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.letter == letter; });
        if (at == rows.end()) at = rows.insert(rows.end(), {letter, {"0", "0"}});
        at->runs[which] = std::to_string(group.runs) + (group.is_solo ? ", solo" : "");
      }
    }
    HtmlTable table(
        "Streams",
        {{"Stream"}, {"Runs in " + a_.name, Cells::number}, {"Runs in " + b_.name, Cells::number}});
    for (size_t i = 0; i < std::min(rows.size(), kListed); ++i)
      table.row({rows[i].letter, rows[i].runs[0], rows[i].runs[1]});
    if (table.empty()) return "";
    const std::string rest =
        rows.size() <= kListed
            ? ""
            : fmt::format("<p class=\"about\">{} of {} are shown.</p>\n", kListed, rows.size());
    return std::move(table).finish() + rest +
           "<p class=\"about below\">A letter and a color are one stream in both audits.</p>\n";
  }

  std::string speed(const ArmComparison& arm) const {
    if (arm.speed.empty()) return "";
    const std::vector<SpeedLine> lines = {{a_.audit.name, finding_of(a_, arm.a).speed},
                                          {b_.audit.name, finding_of(b_, arm.b).speed}};
    std::string markup =
        html_figure("Tokens a second", kWide, kNarrow, html_arms_key({a_.audit.name, b_.audit.name}),
                    [&](double width) { return speed_chart(lines, width); });
    if (arm.slowdown) {
      markup += fmt::format(
          "<p class=\"about below\">{} takes {:.2f} times as long as {}, the median over {}. They were "
          "measured at "
          "different times: this is shown, and not judged.</p>\n",
          b_.name, *arm.slowdown, a_.name, counted(static_cast<int64_t>(arm.speed.size()), "batch size"));
    }
    HtmlTable table("Tokens a second", {{"Batch size", Cells::number},
                                        {a_.name, Cells::number},
                                        {"Quartiles", Cells::number},
                                        {b_.name, Cells::number},
                                        {"Quartiles", Cells::number}});
    for (const SpeedChange& change : arm.speed) {
      std::vector<std::string> cells = {std::to_string(change.a.batch_size)};
      for (const SpeedAtSize* at : {&change.a, &change.b}) {
        cells.push_back(fmt::format("{:.1f}", at->tokens_per_second));
        cells.push_back(fmt::format("{:.1f} to {:.1f}", at->low, at->high));
      }
      table.row(cells);
    }
    return markup + std::move(table).finish_below("The numbers", a_.view.folds);
  }

  std::string choices(const ArmComparison& arm) const {
    if (arm.choices.empty()) {
      return "<h3>Kernel choices</h3>\n<p class=\"about\">The same at every number of rows that both "
             "launched.</p>\n";
    }
    HtmlTable table("Kernel choices", {{"Operation"},
                                       {"Rows", Cells::wide},
                                       {"Sum order"},
                                       {a_.name, Cells::wide},
                                       {b_.name, Cells::wide}});
    for (const RoleChange& change : changes_by_role(arm)) {
      const char* such_as = change.is_alone ? "" : "such as ";
      table.row({escape(change.example.role), brief_ranges(change.rows),
                 change.sum_order ? "changed" : "the same", such_as + cut(change.example.a),
                 such_as + cut(change.example.b)});
    }
    return "<h3>Kernel choices that changed</h3>\n" + std::move(table).finish();
  }

  std::string alone() const {
    std::string names;
    for (const int32_t arm : found_.only_b) {
      names += (names.empty() ? "" : ", ") + escape(b_.audit.audit.arms[static_cast<size_t>(arm)].name);
    }
    return html_section("Only in " + b_.name, names);
  }

  const Side &a_, &b_;
  const Comparison& found_;
};

}  // namespace

std::string html_comparison(const ComparedAudit& a, const Finding& a_finding, const ComparedAudit& b,
                            const Finding& b_finding, const Comparison& found) {
  const HtmlView a_view(a.audit, a_finding), b_view(a_view, b.audit, b_finding);
  const Side a_side{a, a_view, escape(a.name)}, b_side{b, b_view, escape(b.name)};
  return Page(a_side, b_side, found).make();
}

}  // namespace ra
