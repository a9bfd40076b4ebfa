#include <bit>
#include <cmath>

#include "core/audit/export.h"
#include "core/audit/export_format.h"
#include "core/audit/store_codec.h"
#include "core/error.h"
#include "core/gzip.h"
#include "core/json.h"

namespace ra {
namespace {

constexpr size_t kPart = 100'000;  // values of a list in one line, where a list may go on in the next

using Object = Json::Object;
using Array = Json::Array;

Json text(std::string value) {
  return Json{std::move(value)};
}
Json number(int64_t value) {
  return Json{value};
}

template <class Values, class Make>
Json array(const Values& values, const Make& make) {
  Array made;
  for (const auto& value : values) made.push_back(make(value));
  return Json{std::move(made)};
}
Json numbers(const std::vector<int32_t>& values) {
  return array(values, number);
}
Json words(const std::map<std::string, std::string>& values) {
  Object object;
  for (const auto& [name, value] : values) object.push_back({name, json_bytes(value)});
  return Json{std::move(object)};
}

// What JSON has no number for is kept as its bits.
Json real(float value) {
  if (std::isfinite(value)) return Json{static_cast<double>(value)};
  return text(hex(uint64_t{std::bit_cast<uint32_t>(value)}).substr(8));
}

class Lines {
 public:
  void add(const char* kind, Object members) {
    members.insert(members.begin(), {"kind", text(kind)});
    text_ += json_line(Json{std::move(members)});
    ++count_;
  }
  // `values` in as many lines as keep each short.
  template <class Values, class Make>
  void add_all(const char* kind, const Object& members, const char* name, const Values& values,
               const Make& make) {
    Array part;
    const auto flush = [&] {
      Object line = members;
      line.push_back({name, Json{std::move(part)}});
      add(kind, std::move(line));
      part = {};
    };
    for (const auto& value : values) {
      part.push_back(make(value));
      if (part.size() == kPart) flush();
    }
    if (!part.empty()) flush();
  }
  std::string finish() {
    const std::string hash = hex(sha256(text_));
    add("end", {{"lines", number(count_)}, {"sha256", text(hash)}});
    return std::move(text_);
  }

 private:
  std::string text_;
  int64_t count_ = 0;
};

void add_audit(Lines& lines, const Audit& audit) {
  const AuditSubject& subject = audit.subject;
  lines.add("audit", {{"format", text(kExportFormat)},
                      {"version", number(kExportVersion)},
                      {"id", text(audit.id)},
                      {"created", text(audit.created)},
                      {"tool", text(audit.tool)},
                      {"model_name", json_bytes(subject.model_name)},
                      {"model_sha256", text(subject.model_sha256)},
                      {"model", words(subject.model)},
                      {"settings", words(subject.settings)},
                      {"prompt_text", json_bytes(subject.prompt_text)},
                      {"prompt_sha256", text(subject.prompt_sha256)},
                      {"facts_sha256", text(facts_sha256(audit))}});
  lines.add_all("prompt_pieces", {}, "pieces", subject.prompt_pieces, json_bytes);
  for (const Arm& arm : audit.arms) {
    Object anchors;
    for (const auto& [role, outputs] : arm.facts.anchor_outputs) anchors.push_back({role, words(outputs)});
    lines.add("arm", {{"name", text(arm.name)},
                      {"device", text(arm.facts.device)},
                      {"kernel_set", text(arm.facts.kernel_set)},
                      {"sum_order_class", text(arm.facts.sum_order_class)},
                      {"environment", words(arm.facts.environment)},
                      {"anchors", Json{std::move(anchors)}}});
  }
}

Json planned_sequence(const PlannedSequence& sequence) {
  const auto preemption = [](const Preemption& at) {
    return Json{Array{number(at.after), number(at.pause)}};
  };
  return Json{Object{{"kind", text(name_of(sequence.kind))},
                     {"index", number(sequence.index)},
                     {"text", number(sequence.text)},
                     {"offset", number(sequence.offset)},
                     {"prompt_length", number(sequence.prompt_length)},
                     {"steps", number(sequence.steps)},
                     {"arrival", number(sequence.arrival)},
                     {"chunks", numbers(sequence.chunks)},
                     {"preemptions", array(sequence.preemptions, preemption)}}};
}

void add_plan(Lines& lines, const Plan& plan) {
  const PlanSpec& spec = plan.spec;
  lines.add("plan", {{"vocab", number(spec.vocab)},
                     {"max_positions", number(spec.max_positions)},
                     {"runs", number(spec.runs)},
                     {"max_tokens", number(spec.max_tokens)},
                     {"batch_sizes", numbers(spec.batch_sizes)},
                     {"seed", text(std::to_string(spec.seed))},
                     {"strata", array(spec.strata, [](Stratum stratum) { return text(name_of(stratum)); })},
                     {"min_random_trials", number(spec.min_random_trials)},
                     {"max_rows", number(spec.max_rows)},
                     {"probe_contexts", numbers(spec.probe_contexts)},
                     {"probe_steps", number(spec.probe_steps)},
                     {"probes", array(plan.probes,
                                      [](const Probe& probe) {
                                        return Json{Array{number(probe.context), number(probe.steps)}};
                                      })},
                     {"sha256", text(plan_sha256(plan))}});
  lines.add_all("text", {{"name", text("prompt")}}, "tokens", spec.prompt, number);
  lines.add_all("text", {{"name", text("companions")}}, "tokens", spec.companion_text, number);
  lines.add_all("text", {{"name", text("probes")}}, "tokens", plan.texts[1], number);
  for (const Trial& trial : plan.trials) {
    lines.add("trial", {{"trial", number(trial.id)},
                        {"drawn", text(name_of(trial.kind))},
                        {"stratum", text(name_of(trial.stratum))},
                        {"batch_size", number(trial.batch_size)},
                        {"repeat_of", number(trial.repeat_of)},
                        {"sequences", array(trial.sequences, planned_sequence)}});
  }
  lines.add_all("turns", {}, "turns", plan.order, [](const Turn& turn) {
    return Json{Array{number(turn.trial), number(turn.arm)}};
  });
}

Json step(const StepRecord& record) {
  return Json{Array{number(record.top[0]), number(record.top[1]), real(record.value[0]),
                    real(record.value[1]), real(record.accumulator[0]), real(record.accumulator[1]),
                    text(hex(record.digest))}};
}

void add_results(Lines& lines, const Audit& audit) {
  for (const Segment& segment : audit.segments)
    lines.add("segment", {{"started", text(segment.started)}, {"tool", text(segment.tool)}});
  for (const ChoiceSetRecord& choices : audit.choice_sets) {
    lines.add("choices", {{"choices", array(choices, [](const ChoiceRecord& choice) {
                             return Json{Array{json_bytes(choice.role), json_bytes(choice.choice),
                                               json_bytes(choice.sum_order)}};
                           })}});
  }
  for (const Stream& stream : audit.streams) {
    lines.add("stream", {{"tokens", numbers(stream.tokens)},
                         {"end", text(name_of(stream.end))},
                         {"steps", array(stream.steps, step)},
                         {"xxh3", text(hex(stream.token_hash))},
                         {"sha256", text(stream.token_sha256)},
                         {"logit_digest", text(hex(stream.digest))},
                         {"content_sha256", text(content_sha256(stream))}});
  }
  size_t next = 0;
  for (const Attempt& attempt : audit.attempts) {
    Array results;
    for (; next < audit.sequences.size(); ++next) {
      const SequenceFact& fact = audit.sequences[next];
      if (fact.arm != attempt.arm || fact.trial != attempt.trial || fact.attempt != attempt.attempt) break;
      results.push_back(Json{Array{number(fact.sequence), number(fact.stream), text(fact.chain)}});
    }
    const auto launch = [](const LaunchRecord& record) {
      return Json{Array{number(record.rows), number(record.logit_rows), number(record.choice_set)}};
    };
    lines.add("attempt", {{"arm", number(attempt.arm)},
                          {"trial", number(attempt.trial)},
                          {"attempt", number(attempt.attempt)},
                          {"outcome", text(attempt.outcome == Outcome::done ? "done" : "failed")},
                          {"failure", json_bytes(attempt.failure)},
                          {"seconds", Json{attempt.seconds}},
                          {"launches", array(attempt.launches, launch)},
                          {"results", Json{std::move(results)}}});
  }
  check(next == audit.sequences.size(), "results in the order of their attempts");
  lines.add_all("pieces", {}, "pieces", audit.pieces, [](const auto& piece) {
    return Json{Array{number(piece.first), json_bytes(piece.second)}};
  });
}

}  // namespace

std::string export_audit(const Audit& audit) {
  Lines lines;
  add_audit(lines, audit);
  add_plan(lines, audit.plan);
  add_results(lines, audit);
  return gzip(lines.finish());
}

}  // namespace ra
