// The seam between what runs and what is measured. An audit hands a Subject one Trial at a time and gets facts back;
// it knows neither models nor kernels. Subjects: the engine (core/llm), an endpoint (core/remote), and the tests'
// scripted one.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ra {

// --- what is asked: planned sequences -------------------------------------------------------------------------

enum class SequenceKind : uint8_t {
  run,        // the audited prompt, generating freely
  probe,      // teacher-forced; its digests are compared across trials
  companion,  // teacher-forced; only shares the batch
};

// Drop the sequence's cache after it has emitted `after` tokens and recompute it `pause` steps later.
struct Preemption {
  int32_t after = 0;
  int32_t pause = 0;
};

// One sequence of a trial. Its prompt is texts[text][offset, offset + prompt_length); a teacher-forced one continues
// with the tokens that follow in the same text, a run with what it generates.
struct PlannedSequence {
  SequenceKind kind = SequenceKind::run;
  int32_t index = 0;  // run: 0..N-1 in its arm, -1 in solo and repeats; probe: its number in the plan;
                      // companion: its place in the trial
  int32_t text = 0;   // index into the plan's texts; 0 is the audited prompt
  int32_t offset = 0;
  int32_t prompt_length = 0;    // > 0
  int32_t steps = 0;            // tokens to emit, > 0; a stopped run's slot keeps computing to this length
  int32_t arrival = 0;          // the trial's step at which its prefill begins
  std::vector<int32_t> chunks;  // prefill in pieces, summing to prompt_length; empty: whole
  std::vector<Preemption> preemptions;  // ascending by `after`
};

enum class TrialKind : uint8_t {
  solo,    // the prompt alone, or one probe alone: the references
  edge,    // a batch size at a boundary
  random,  // a random schedule: the unit of statistics
  repeat,  // a random trial again, from an empty cache
};

enum class Stratum : uint8_t {
  rows,
  chunk,
  preempt,
  all
};  // what may vary besides the rows (measurement.md)

// One engine episode, the unit of commit, resume and statistics. A function of the plan alone.
struct Trial {
  int32_t id = 0;
  TrialKind kind = TrialKind::random;
  Stratum stratum = Stratum::rows;
  int32_t batch_size = 1;  // sequences in it
  int32_t repeat_of = -1;  // trial id, for repeats
  std::vector<PlannedSequence> sequences;
};

// One contiguous piece of a sequence in a step: rows [position, position + rows) of it. If `emits`, the last of them
// yields the sequence's next token.
struct ScheduledSlice {
  int32_t sequence = 0;  // index into Trial::sequences
  int32_t position = 0;
  int32_t rows = 0;
  bool emits = false;
  bool recomputes = false;  // the cache was dropped: positions begin again at 0
  bool releases = false;    // its cache is dropped after this step: finished, or preempted
};
using ScheduledStep = std::vector<ScheduledSlice>;  // never empty; sequences in ascending order

// The steps of a trial, from its plan alone: what every subject executes and the witness is compared with.
// At most `max_rows` rows a step where that can be kept without splitting a prefill; later arrivals wait.
std::vector<ScheduledStep> schedule(const Trial& trial, int32_t max_rows);

// --- what comes back: facts -----------------------------------------------------------------------------------

// One emitted position (numerics.md rule 16).
struct StepRecord {
  int32_t top[2] = {-1, -1};      // best and second token id
  float value[2] = {0, 0};        // their logits as used
  float accumulator[2] = {0, 0};  // their fp32 sums before rounding
  uint64_t digest = 0;            // XXH3-64 of the whole logits row
  bool operator==(const StepRecord&) const = default;
};

enum class EndReason : uint8_t { length, stop };

struct SequenceResult {
  SequenceKind kind = SequenceKind::run;
  int32_t index = 0;
  std::vector<int32_t> tokens;    // runs: what was generated, the stop token included; others: empty
  std::vector<StepRecord> steps;  // one per token; probes: one per planned step; companions: empty
  EndReason end = EndReason::length;
};

// One step's witness: how many rows really were computed, and with which kernel choices.
struct LaunchRecord {
  int32_t rows = 0;
  int32_t logit_rows = 0;
  int32_t choice_set = 0;  // index into TrialResult::choice_sets
};

// The kernel choices of one launch sequence: role -> the choice's text and its sum order's text.
struct ChoiceRecord {
  std::string role;
  std::string choice;     // everything that was chosen: algorithm, tile, splits
  std::string sum_order;  // the part of it that decides bits
  bool operator==(const ChoiceRecord&) const = default;
};
using ChoiceSetRecord = std::vector<ChoiceRecord>;

struct TrialResult {
  bool failed = false;
  std::string failure;                    // why, when failed; then nothing below but seconds holds
  std::vector<SequenceResult> sequences;  // runs and probes, in plan order
  std::vector<LaunchRecord> launches;     // one a step
  std::vector<ChoiceSetRecord> choice_sets;
  double seconds = 0;  // from the first launch to the last result
};

// --- the seam -------------------------------------------------------------------------------------------------

// Facts about a subject that are recorded once per audit.
struct SubjectFacts {
  std::string device;                              // "cpu"
  std::string kernel_set;                          // "standard"
  std::string sum_order_class;                     // "cpu-fma512/1"; "opaque" for a library's own order
  std::map<std::string, std::string> environment;  // sorted: CPU, ISA, library versions, threads, ...
  // What certification saw: role -> (sum order -> hex hash of an anchor row's output from equal inputs).
  std::map<std::string, std::map<std::string, std::string>> anchor_outputs;
};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual SubjectFacts facts() const = 0;
  // Runs the trial from an empty cache. `texts` are the plan's token texts. What goes wrong inside (out of memory, a
  // NaN) is a failed result; only a bug or a lost device throws. Stops early, with a failed result, once `stop` is set.
  virtual TrialResult run(const Trial& trial, const std::vector<std::vector<int32_t>>& texts,
                          const std::atomic<bool>& stop) = 0;
};

}  // namespace ra
