// What an audit's facts say about one arm at one trial, looked up in constant time; and how two streams
// compare.
#pragma once

#include <optional>
#include <vector>

#include "core/audit/audit.h"

namespace ra {

// The first index at which ids differ, or the shorter length; absent if ids and end reason are equal.
std::optional<int32_t> first_difference(const Stream& a, const Stream& b);

// Whether a run's or probe's logits differ from the reference's: any digest up to and including the first
// difference of their ids, or the ids themselves. Error(bug) where different ids came from equal digests.
bool logits_differ(const Stream& reference, const Stream& stream);

class Outcomes {
 public:
  // Keeps a reference to `audit`. Error(bug) where an attempt's launches are not those of its trial's
  // schedule, or a fact names something that the plan does not have.
  explicit Outcomes(const Audit& audit);

  // The first attempt that was done; null if there is none.
  const Attempt* done(int32_t arm, int32_t trial) const { return cell(arm, trial).done; }
  // The last failed attempt at a trial that was never done; null if there is none.
  const Attempt* failed(int32_t arm, int32_t trial) const {
    return cell(arm, trial).done ? nullptr : cell(arm, trial).failed;
  }
  // The stream that the done attempt made of a sequence; -1 if there is none.
  int32_t stream_index(int32_t arm, int32_t trial, int32_t sequence) const;
  const Stream* stream(int32_t arm, int32_t trial, int32_t sequence) const;

  // The reference of a run or probe: its solo in the same arm; null if that was not done.
  const Stream* reference(int32_t arm, const PlannedSequence& sequence) const;
  int32_t probes() const { return static_cast<int32_t>(probe_solos_.size()); }
  const Stream* probe_solo(int32_t arm, int32_t probe) const;
  const Stream* solo(int32_t arm) const { return stream(arm, 0, 0); }

  const std::vector<ScheduledStep>& steps(int32_t trial) const { return steps_[static_cast<size_t>(trial)]; }

 private:
  struct Cell {
    const Attempt* done = nullptr;
    const Attempt* failed = nullptr;  // the last one
    std::vector<int32_t> streams;     // [sequence]
  };
  size_t place(int32_t arm, int32_t trial) const {
    return static_cast<size_t>(arm) * audit_.plan.trials.size() + static_cast<size_t>(trial);
  }
  Cell& cell(int32_t arm, int32_t trial) { return cells_[place(arm, trial)]; }
  const Cell& cell(int32_t arm, int32_t trial) const { return cells_[place(arm, trial)]; }
  void add_attempts();
  void add_streams();
  void check_launches() const;

  const Audit& audit_;
  std::vector<Cell> cells_;                        // [arm][trial]
  std::vector<std::vector<ScheduledStep>> steps_;  // [trial]
  std::vector<int32_t> probe_solos_;               // [probe]: the trial that is its solo
};

}  // namespace ra
