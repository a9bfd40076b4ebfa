// The plan: every trial of an audit, drawn from one seed. Same spec, same plan, on every machine and standard
// library: randomness is counter-based, keyed by what it is for, and only integer arithmetic draws from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/subject.h"

namespace ra {

// What the user asked for, resolved: everything the plan is a function of.
struct PlanSpec {
  std::vector<int32_t> prompt;  // the audited prompt's ids, not empty
  std::vector<int32_t>
      companion_text;         // ids that companions and probes are cut from; empty: drawn from the seed
  int32_t vocab = 0;          // ids are below it
  int32_t max_positions = 0;  // the model's context
  int32_t runs = 0;           // N
  int32_t max_tokens = 100;   // tokens a run emits at most
  std::vector<int32_t> batch_sizes;  // ascending, distinct
  uint64_t seed = 0;
  std::vector<Stratum> strata{Stratum::rows};
  int32_t min_random_trials = 0;  // 0: as many as the runs make
  int32_t max_rows = 2048;        // rows in one step, where that can be kept
  std::vector<std::string> arms;  // names, in order; arms take turns
  // Probes that cross every boundary of attention; those that max_positions has no room for are left out.
  std::vector<int32_t> probe_contexts{1, 63, 64, 65, 255, 256, 257, 511, 512, 513};
  int32_t probe_steps = 6;  // forced tokens after the context, so that decode crosses the boundary too
  bool operator==(const PlanSpec&) const = default;
};

// A probe: the first `context` ids of the probe text as prompt, then `steps` forced tokens.
struct Probe {
  int32_t context = 0;
  int32_t steps = 0;
};

// One unit of work: this trial, in this arm.
struct Turn {
  int32_t trial = 0;
  int32_t arm = 0;
};

struct Plan {
  PlanSpec spec;
  std::vector<std::vector<int32_t>> texts;  // 0: the prompt; 1: the text of probes and companions
  std::vector<Probe> probes;
  std::vector<Trial> trials;  // trials[i].id == i; 0 is the prompt's solo
  std::vector<Turn> order;    // ABBA by the seed
};

// Trials in this order: solo (the prompt, then each probe), edges, random trials, repeats. The solo's and the
// repeats' runs have index -1, outside the N. Error(usage) where the spec cannot be met, saying which option
// and why; Error(bad_input) where the prompt itself cannot be used.
Plan make_plan(const PlanSpec& spec);

// The largest step of any trial in it: what the engine must have room for.
struct PlanExtent {
  int32_t rows = 0;        // rows in a step
  int32_t logit_rows = 0;  // emitting sequences in a step
  int32_t sequences = 0;   // in a trial
  int32_t positions = 0;   // the longest sequence
  int64_t cached = 0;      // positions alive at once
  int64_t row_total = 0;   // rows of all trials of one arm
  int64_t step_total = 0;
};
PlanExtent extent(const Plan& plan, int32_t page_keys);

// SHA-256 (hex) over a canonical text of the whole plan: what resume compares.
std::string plan_sha256(const Plan& plan);

// Counter-based draw, uniform in [0, bound), bound > 0: h = XXH3-64 of seed, purpose, a, b as four
// little-endian 64-bit words, result floor(h * bound / 2^64). No value's probability is off by more than
// 2^-64.
uint64_t draw(uint64_t seed, uint64_t purpose, uint64_t a, uint64_t b, uint64_t bound);

const char* name_of(TrialKind kind);
const char* name_of(Stratum stratum);
const char* name_of(SequenceKind kind);
const char* name_of(EndReason reason);
Stratum parse_stratum(const std::string& name);  // Error(usage)

}  // namespace ra
