#include <algorithm>

#include "core/error.h"
#include "core/subject.h"

namespace ra {
namespace {

// Where one sequence stands while the steps are laid out.
struct Progress {
  size_t chunk = 0;       // next prefill chunk
  int32_t cached = 0;     // positions in the cache
  int32_t emitted = 0;    // tokens emitted
  size_t preemption = 0;  // next planned preemption
  int32_t resume_at = 0;  // step before which it may not run
  bool recompute = false;
};

ScheduledSlice next_slice(const PlannedSequence& sequence, int32_t index, const Progress& at) {
  ScheduledSlice slice{.sequence = index, .position = at.cached, .rows = 1, .emits = true};
  if (at.recompute) {
    slice.rows = sequence.prompt_length + at.emitted;
    slice.recomputes = true;
  } else if (at.cached < sequence.prompt_length) {
    slice.rows = sequence.chunks.empty() ? sequence.prompt_length : sequence.chunks[at.chunk];
    slice.emits = at.cached + slice.rows == sequence.prompt_length;
  }
  return slice;
}

// Moves past the slice and completes it: whether the cache is kept is known only now.
void advance(const PlannedSequence& sequence, ScheduledSlice& slice, int32_t step, Progress& at) {
  at.cached = slice.position + slice.rows;
  at.recompute = false;
  if (!slice.emits) {
    ++at.chunk;
    return;
  }
  ++at.emitted;
  slice.releases = at.emitted == sequence.steps;
  if (at.preemption < sequence.preemptions.size() && at.emitted < sequence.steps &&
      sequence.preemptions[at.preemption].after == at.emitted) {
    slice.releases = true;
    at.cached = 0;
    at.recompute = true;
    at.resume_at = step + 1 + sequence.preemptions[at.preemption].pause;
    ++at.preemption;
  }
}

}  // namespace

std::vector<ScheduledStep> schedule(const Trial& trial, int32_t max_rows) {
  std::vector<Progress> progress(trial.sequences.size());
  for (size_t i = 0; i < trial.sequences.size(); ++i) progress[i].resume_at = trial.sequences[i].arrival;
  std::vector<ScheduledStep> steps;
  size_t unfinished = trial.sequences.size();
  for (int32_t step = 0; unfinished > 0; ++step) {
    ScheduledStep slices;
    int32_t rows = 0;
    for (size_t i = 0; i < trial.sequences.size(); ++i) {
      const PlannedSequence& sequence = trial.sequences[i];
      Progress& at = progress[i];
      if (at.emitted == sequence.steps || step < at.resume_at) continue;
      ScheduledSlice slice = next_slice(sequence, static_cast<int32_t>(i), at);
      // A prefill that does not fit waits for the next step; one that never would fit runs by itself.
      if (slice.rows > 1 && rows > 0 && rows + slice.rows > max_rows) continue;
      advance(sequence, slice, step, at);
      slices.push_back(slice);
      rows += slice.rows;
      if (at.emitted == sequence.steps) --unfinished;
    }
    if (!slices.empty()) steps.push_back(std::move(slices));
  }
  return steps;
}

}  // namespace ra
