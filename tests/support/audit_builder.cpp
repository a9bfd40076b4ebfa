#include "tests/support/audit_builder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace ra {
namespace {

const std::vector<std::string> kRoles = {"qkv", "attention", "o", "lm_head"};

std::span<const std::byte> bytes_of(const std::vector<int32_t>& values) {
  return std::as_bytes(std::span<const int32_t>(values));
}

}  // namespace

AuditBuilder::AuditBuilder(const std::vector<std::string>& kernel_sets, std::vector<int32_t> solo)
    : solo_(std::move(solo)) {
  audit.id = "20261122T080000Z-1";
  audit.created = "2026-11-22T08:00:00Z";
  audit.tool = "0.1.0";
  audit.segments = {{audit.created, audit.tool}};
  audit.subject.model_name = "scripted";
  audit.subject.prompt_text = "a b c";
  audit.subject.prompt_pieces = {"a", " b", " c"};
  PlanSpec& spec = audit.plan.spec;
  spec.prompt = {1, 2, 3};
  spec.max_tokens = static_cast<int32_t>(solo_.size());
  spec.vocab = 1000;
  spec.max_positions = 1024;
  spec.batch_sizes = {1, 2, 4};
  audit.plan.texts = {spec.prompt, std::vector<int32_t>(1024, 7)};
  for (const std::string& name : kernel_sets) {
    const bool opaque = name == "standard" || name == "mixed";
    audit.arms.push_back({.id = static_cast<int32_t>(audit.arms.size()),
                          .name = name,
                          .facts = {.device = "cpu",
                                    .kernel_set = name,
                                    .sum_order_class = opaque ? "opaque" : "cpu-fma512/1",
                                    .environment = {{"threads", "2"}}}});
    spec.arms.push_back(name);
  }
  add({.kind = TrialKind::solo, .sequences = {{.index = -1, .prompt_length = 3, .steps = spec.max_tokens}}});
}

int32_t AuditBuilder::add(Trial trial) {
  trial.id = static_cast<int32_t>(audit.plan.trials.size());
  trial.batch_size = static_cast<int32_t>(trial.sequences.size());
  audit.plan.spec.runs = runs_;
  for (const Arm& arm : audit.arms) audit.plan.order.push_back({trial.id, arm.id});
  audit.plan.trials.push_back(std::move(trial));
  return audit.plan.trials.back().id;
}

int32_t AuditBuilder::probe(int32_t context, int32_t steps) {
  const auto index = static_cast<int32_t>(audit.plan.probes.size());
  audit.plan.probes.push_back({.context = context, .steps = steps});
  add({.kind = TrialKind::solo,
       .sequences = {{.kind = SequenceKind::probe,
                      .index = index,
                      .text = 1,
                      .prompt_length = context,
                      .steps = steps}}});
  return index;
}

int32_t AuditBuilder::trial(TrialKind kind, int32_t runs, int32_t companions,
                            const std::vector<int32_t>& probes, Stratum stratum) {
  Trial trial{.kind = kind, .stratum = stratum};
  const auto steps = static_cast<int32_t>(solo_.size());
  for (int32_t i = 0; i < runs; ++i)
    trial.sequences.push_back({.index = runs_++, .prompt_length = 3, .steps = steps});
  for (const int32_t probe : probes) {
    const Probe& planned = audit.plan.probes[static_cast<size_t>(probe)];
    trial.sequences.push_back({.kind = SequenceKind::probe,
                               .index = probe,
                               .text = 1,
                               .prompt_length = planned.context,
                               .steps = planned.steps});
  }
  for (int32_t i = 0; i < companions; ++i) {
    // The offset makes trials of one size different schedules.
    trial.sequences.push_back({.kind = SequenceKind::companion,
                               .index = i,
                               .text = 1,
                               .offset = static_cast<int32_t>(audit.plan.trials.size()),
                               .prompt_length = 2,
                               .steps = steps});
  }
  return add(std::move(trial));
}

int32_t AuditBuilder::repeat_of(int32_t trial) {
  Trial again = audit.plan.trials[static_cast<size_t>(trial)];
  again.kind = TrialKind::repeat;
  again.repeat_of = trial;
  return add(std::move(again));
}

void AuditBuilder::vary_sum_order(int32_t arm, const std::string& role, bool outputs_differ) {
  varying_.push_back({arm, role, outputs_differ});
}

int32_t AuditBuilder::choice_set(int32_t arm, int32_t rows) {
  ChoiceSetRecord set;
  for (const std::string& role : kRoles) {
    std::string order = "one order", output = "0";
    for (const VaryingRole& varying : varying_) {
      if (varying.arm != arm || varying.role != role) continue;
      order = "order of " + std::to_string(rows) + " rows";
      if (varying.outputs_differ) output = std::to_string(rows);
    }
    audit.arms[static_cast<size_t>(arm)].facts.anchor_outputs[role][order] = output;
    set.push_back({.role = role, .choice = order, .sum_order = order});
  }
  const auto at = std::find(audit.choice_sets.begin(), audit.choice_sets.end(), set);
  if (at != audit.choice_sets.end()) return static_cast<int32_t>(at - audit.choice_sets.begin());
  audit.choice_sets.push_back(std::move(set));
  return static_cast<int32_t>(audit.choice_sets.size() - 1);
}

int32_t AuditBuilder::stream(const PlantedStream& planted, SequenceKind kind) {
  Stream stream{.end = planted.end};
  std::vector<uint64_t> digests;
  std::vector<int32_t> prefix;
  for (const int32_t token : planted.tokens) {
    prefix.push_back(token);
    const auto step = static_cast<int32_t>(stream.steps.size());
    const uint64_t salt = step >= planted.salted_from ? planted.salt : 0;
    // Salted steps have slightly moved accumulators, as another sum order would give.
    const float moved = 0.0078125F * static_cast<float>(salt);
    stream.steps.push_back({.top = {token, token + 500},
                            .value = {20, 19},
                            .accumulator = {20.0F + moved, 19.0F},
                            .digest = xxh3_64(bytes_of(prefix)) ^ salt});
    digests.push_back(stream.steps.back().digest);
    audit.pieces[token] = " t" + std::to_string(token);
    audit.pieces[token + 500] = " t" + std::to_string(token + 500);
  }
  if (kind == SequenceKind::run) stream.tokens = planted.tokens;
  stream.token_hash = token_hash(stream.tokens);
  stream.token_sha256 = hex(token_sha256(stream.tokens));
  stream.digest = run_digest(digests);
  const auto equal = [&stream](const Stream& other) {
    return other.tokens == stream.tokens && other.steps == stream.steps && other.end == stream.end;
  };
  const auto at = std::find_if(audit.streams.begin(), audit.streams.end(), equal);
  if (at != audit.streams.end()) return static_cast<int32_t>(at - audit.streams.begin());
  audit.streams.push_back(std::move(stream));
  return static_cast<int32_t>(audit.streams.size() - 1);
}

PlantedStream AuditBuilder::probe_stream(int32_t steps, int32_t salted_from) {
  PlantedStream planted{.salted_from = salted_from};
  for (int32_t i = 0; i < steps; ++i) planted.tokens.push_back(100 + i);
  return planted;
}

void AuditBuilder::done(int32_t arm, int32_t trial, const std::vector<PlantedStream>& streams,
                        double seconds) {
  const Trial& planned = audit.plan.trials[static_cast<size_t>(trial)];
  const auto attempts =
      std::count_if(audit.attempts.begin(), audit.attempts.end(),
                    [&](const Attempt& attempt) { return attempt.arm == arm && attempt.trial == trial; });
  Attempt attempt{.arm = arm, .trial = trial, .attempt = static_cast<int32_t>(attempts), .seconds = seconds};
  size_t next = 0;
  for (size_t i = 0; i < planned.sequences.size(); ++i) {
    const PlannedSequence& sequence = planned.sequences[i];
    if (sequence.kind == SequenceKind::companion) continue;
    PlantedStream planted =
        sequence.kind == SequenceKind::probe ? probe_stream(sequence.steps) : PlantedStream{.tokens = solo_};
    if (next < streams.size()) planted = streams[next];
    ++next;
    audit.sequences.push_back({.arm = arm,
                               .trial = trial,
                               .attempt = attempt.attempt,
                               .sequence = static_cast<int32_t>(i),
                               .stream = stream(planted, sequence.kind)});
  }
  for (const ScheduledStep& step : schedule(planned, audit.plan.spec.max_rows)) {
    LaunchRecord launch;
    for (const ScheduledSlice& slice : step) {
      launch.rows += slice.rows;
      launch.logit_rows += slice.emits ? 1 : 0;
    }
    launch.choice_set = choice_set(arm, launch.rows);
    attempt.launches.push_back(launch);
  }
  audit.attempts.push_back(std::move(attempt));
}

void AuditBuilder::failed(int32_t arm, int32_t trial, const std::string& why) {
  audit.attempts.push_back({.arm = arm, .trial = trial, .outcome = Outcome::failed, .failure = why});
}

void AuditBuilder::finish() {
  for (const Turn& turn : audit.plan.order) {
    const bool attempted = std::any_of(
        audit.attempts.begin(), audit.attempts.end(),
        [&](const Attempt& attempt) { return attempt.arm == turn.arm && attempt.trial == turn.trial; });
    if (!attempted) done(turn.arm, turn.trial);
  }
}

}  // namespace ra
