// The plan of an export file.
#include <charconv>

#include "core/audit/export_read.h"
#include "core/audit/plan_text.h"
#include "core/error.h"
#include "core/printable.h"

namespace ra {
namespace {

Stratum stratum_of(const ExportLine& line, const std::string& name) {
  return line.one_of(name, {Stratum::rows, Stratum::chunk, Stratum::preempt, Stratum::all});
}

void read_spec(ExportLine& line, Plan& plan) {
  PlanSpec& spec = plan.spec;
  spec.vocab = line.number("vocab", 1);
  spec.max_positions = line.number("max_positions", 1);
  spec.runs = line.number("runs", 1);
  spec.max_tokens = line.number("max_tokens", 1);
  spec.batch_sizes = line.numbers("batch_sizes", 1);
  const std::string seed = line.text("seed");
  const auto parsed = std::from_chars(seed.data(), seed.data() + seed.size(), spec.seed);
  if (parsed.ec != std::errc() || parsed.ptr != seed.data() + seed.size())
    line.refuse("seed \"" + printable(seed) + "\"", "a decimal number of 64 bits");
  spec.strata.clear();
  for (const Json& name : line.array("strata"))
    spec.strata.push_back(stratum_of(line, name.string(line.where("strata"))));
  spec.min_random_trials = line.number("min_random_trials");
  spec.max_rows = line.number("max_rows", 1);
  spec.probe_contexts = line.numbers("probe_contexts", 1);
  spec.probe_steps = line.number("probe_steps", 1);
  for (const Json& entry : line.array("probes")) {
    const Json::Array& probe = line.entry(entry, "probes", 2);
    plan.probes.push_back({line.number(probe[0], "probes", 1), line.number(probe[1], "probes", 1)});
  }
}

void read_texts(ExportLines& lines, Plan& plan) {
  plan.texts.resize(2);
  while (lines.is("text")) {
    ExportLine& line = lines.line();
    const std::string name = line.text("name");
    const bool known = name == "prompt" || name == "companions" || name == "probes";
    if (!known) line.refuse("text \"" + printable(name) + "\"", "prompt, companions or probes");
    std::vector<int32_t>& ids = name == "prompt"       ? plan.spec.prompt
                                : name == "companions" ? plan.spec.companion_text
                                                       : plan.texts[1];
    for (const int32_t id : line.numbers("tokens")) ids.push_back(id);
    lines.done();
  }
  plan.texts[0] = plan.spec.prompt;
}

PlannedSequence planned_sequence(const ExportLine& line, const Json& json) {
  constexpr size_t kMembers = 9;
  if (json.object(line.where("sequences")).size() != kMembers)
    line.refuse("a sequence of other members", "9");
  const auto at = [&](const char* name) -> const Json& {
    const Json* found = json.find(name);
    if (found == nullptr) line.refuse(std::string("a sequence without ") + name, "one");
    return *found;
  };
  PlannedSequence sequence{
      .kind = line.one_of(at("kind").string(line.where("kind")),
                          {SequenceKind::run, SequenceKind::probe, SequenceKind::companion}),
      .index = line.number(at("index"), "index", -1),
      .text = line.number(at("text"), "text"),
      .offset = line.number(at("offset"), "offset"),
      .prompt_length = line.number(at("prompt_length"), "prompt_length", 1),
      .steps = line.number(at("steps"), "steps", 1),
      .arrival = line.number(at("arrival"), "arrival"),
      .chunks = line.numbers(at("chunks"), "chunks", 1),
  };
  for (const Json& entry : at("preemptions").array(line.where("preemptions"))) {
    const Json::Array& preemption = line.entry(entry, "preemptions", 2);
    sequence.preemptions.push_back(
        {line.number(preemption[0], "preemptions"), line.number(preemption[1], "preemptions")});
  }
  return sequence;
}

void read_trials(ExportLines& lines, Plan& plan) {
  while (lines.is("trial")) {
    ExportLine& line = lines.line();
    Trial trial{.id = line.number("trial")};
    trial.kind = line.one_of(line.text("drawn"),
                             {TrialKind::solo, TrialKind::edge, TrialKind::random, TrialKind::repeat});
    trial.stratum = stratum_of(line, line.text("stratum"));
    trial.batch_size = line.number("batch_size", 1);
    trial.repeat_of = line.number("repeat_of", -1);
    for (const Json& entry : line.array("sequences"))
      trial.sequences.push_back(planned_sequence(line, entry));
    plan.trials.push_back(std::move(trial));
    lines.done();
  }
  while (lines.is("turns")) {
    ExportLine& line = lines.line();
    for (const Json& entry : line.array("turns")) {
      const Json::Array& turn = line.entry(entry, "turns", 2);
      plan.order.push_back({line.number(turn[0], "turns"), line.number(turn[1], "turns")});
    }
    lines.done();
  }
}

}  // namespace

Plan read_export_plan(ExportLines& lines, std::vector<std::string> arms) {
  Plan plan;
  plan.spec.arms = std::move(arms);
  lines.require("plan");
  read_spec(lines.line(), plan);
  const std::string hash = lines.line().text("sha256");
  lines.done();
  read_texts(lines, plan);
  read_trials(lines, plan);
  try {
    check_plan(plan);
    check_plan_size(plan);
  } catch (const Error& error) {
    if (error.status() != Exit::bad_input && error.status() != Exit::usage) throw;
    lines.refuse(std::string("the plan: ") + error.what(), "a plan that can be run");
  }
  if (plan_sha256(plan) != hash)
    lines.refuse("another plan than its SHA-256 is of", "an export file, unchanged");
  return plan;
}

}  // namespace ra
