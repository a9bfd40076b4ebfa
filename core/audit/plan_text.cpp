#include "core/audit/plan_text.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "core/nearest.h"

namespace ra {
namespace {

void append_ids(std::string& text, const std::vector<int32_t>& ids) {
  for (int32_t id : ids) text += ' ' + std::to_string(id);
}

std::string join(std::initializer_list<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers) text += ' ' + std::to_string(number);
  return text;
}

}  // namespace

std::string plan_text(const std::vector<PlannedSequence>& sequences) {
  std::string text;
  for (const PlannedSequence& sequence : sequences) {
    text += name_of(sequence.kind);
    text += join({sequence.kind == SequenceKind::run ? 0 : sequence.index, sequence.text, sequence.offset,
                  sequence.prompt_length, sequence.steps, sequence.arrival});
    text += " chunks";
    append_ids(text, sequence.chunks);
    text += " preemptions";
    for (const Preemption& preemption : sequence.preemptions)
      text += join({preemption.after, preemption.pause});
    text += '\n';
  }
  return text;
}

std::string plan_sha256(const Plan& plan) {
  Sha256 hash;
  const PlanSpec& spec = plan.spec;
  std::string text = "repro-audit.plan.v1\nspec " + std::to_string(spec.seed) +
                     join({spec.vocab, spec.max_positions, spec.runs, spec.max_tokens, spec.min_random_trials,
                           spec.max_rows, spec.probe_steps});
  text += "\nbatch_sizes";
  append_ids(text, spec.batch_sizes);
  text += "\nstrata";
  for (Stratum stratum : spec.strata) text += std::string(" ") + name_of(stratum);
  text += "\narms";
  for (const std::string& arm : spec.arms) {
    text += join({static_cast<int64_t>(arm.size())});
    text.append(":").append(arm);
  }
  for (const std::vector<int32_t>& ids : plan.texts) {
    text += "\ntext";
    append_ids(text, ids);
  }
  text += '\n';
  for (const Probe& probe : plan.probes) text += "probe" + join({probe.context, probe.steps}) + '\n';
  for (const Trial& trial : plan.trials) {
    text += std::string("trial ") + name_of(trial.kind) + ' ' + name_of(trial.stratum) +
            join({trial.id, trial.batch_size, trial.repeat_of}) + " runs";
    for (const PlannedSequence& sequence : trial.sequences) {
      if (sequence.kind == SequenceKind::run) text += ' ' + std::to_string(sequence.index);
    }
    text += '\n' + plan_text(trial.sequences);
    hash.update(text);
    text.clear();
  }
  for (const Turn& turn : plan.order) text += "turn" + join({turn.trial, turn.arm}) + '\n';
  hash.update(text);
  return hex(hash.finish());
}

PlanExtent extent(const Plan& plan, int32_t page_keys) {
  check(page_keys > 0, "pages to hold keys");
  PlanExtent extent;
  for (const Trial& trial : plan.trials) {
    const std::vector<ScheduledStep> steps = schedule(trial, plan.spec.max_rows);
    const size_t count = trial.sequences.size();
    extent.sequences = std::max(extent.sequences, static_cast<int32_t>(count));
    std::vector<int64_t> pages(count, 0);  // held by each sequence
    for (const ScheduledStep& step : steps) {
      int32_t rows = 0;
      int32_t logit_rows = 0;
      for (const ScheduledSlice& slice : step) {
        rows += slice.rows;
        logit_rows += slice.emits ? 1 : 0;
        const int32_t length = slice.position + slice.rows;
        extent.positions = std::max(extent.positions, length);
        int64_t& held = pages[static_cast<size_t>(slice.sequence)];
        held = std::max<int64_t>(held, (int64_t{length} + page_keys - 1) / page_keys);
      }
      extent.rows = std::max(extent.rows, rows);
      extent.logit_rows = std::max(extent.logit_rows, logit_rows);
      extent.row_total += rows;
      int64_t alive = 0;
      for (int64_t held : pages) alive += held;
      extent.cached = std::max(extent.cached, alive * page_keys);
      for (const ScheduledSlice& slice : step) {
        if (slice.releases) pages[static_cast<size_t>(slice.sequence)] = 0;
      }
    }
    extent.step_total += static_cast<int64_t>(steps.size());
  }
  return extent;
}

const char* name_of(TrialKind kind) {
  switch (kind) {
    case TrialKind::solo:
      return "solo";
    case TrialKind::edge:
      return "edge";
    case TrialKind::random:
      return "random";
    case TrialKind::repeat:
      return "repeat";
  }
  throw Error(Exit::bug, "internal error: expected a trial kind");
}

const char* name_of(Stratum stratum) {
  switch (stratum) {
    case Stratum::rows:
      return "rows";
    case Stratum::chunk:
      return "chunk";
    case Stratum::preempt:
      return "preempt";
    case Stratum::all:
      return "all";
  }
  throw Error(Exit::bug, "internal error: expected a stratum");
}

const char* name_of(SequenceKind kind) {
  switch (kind) {
    case SequenceKind::run:
      return "run";
    case SequenceKind::probe:
      return "probe";
    case SequenceKind::companion:
      return "companion";
  }
  throw Error(Exit::bug, "internal error: expected a sequence kind");
}

const char* name_of(EndReason reason) {
  switch (reason) {
    case EndReason::length:
      return "length";
    case EndReason::stop:
      return "stop";
  }
  throw Error(Exit::bug, "internal error: expected an end reason");
}

Stratum parse_stratum(const std::string& name) {
  for (Stratum stratum : {Stratum::rows, Stratum::chunk, Stratum::preempt, Stratum::all}) {
    if (name == name_of(stratum)) return stratum;
  }
  std::string found = "'";
  found.append(name).append("'");
  if (name == "prefix") found = "prefix (reuse of a cached prefix is not supported yet)";
  throw Error(Exit::usage, "--strata: " + found + "; expected rows, chunk, preempt or all" +
                               perhaps(name, {"rows", "chunk", "preempt", "all"}));
}

}  // namespace ra
