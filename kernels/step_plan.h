// What every device does before a step runs: check its input, lay out its launches, and number their choices.
#pragma once

#include <map>
#include <vector>

#include "core/error.h"
#include "kernels/ops.h"

namespace ra {

// Positions for which the reserved pages have room; the table of RoPE has as many rows.
int reserved_positions(const ModelShape& shape, const Capacity& capacity);

// Error(bug) unless the step's slots, positions, pages, rows and logit rows lie within what was reserved, each slot has one
// slice at most, and its tokens are in the vocabulary (kNextToken is one).
void check_step(const ModelShape& shape, const Capacity& capacity, const StepInput& input);

// While it lives a step is at work: its operations may run, and no other step may begin.
class StepAtWork {
 public:
  explicit StepAtWork(bool& in_step) : in_step_(in_step) {
    check(!in_step_, "no step inside a step");
    in_step_ = true;
  }
  ~StepAtWork() { in_step_ = false; }
  StepAtWork(const StepAtWork&) = delete;
  StepAtWork& operator=(const StepAtWork&) = delete;

 private:
  bool& in_step_;
};

// Where a row of a step belongs.
struct StepRow {
  int slot = 0;
  int position = 0;
  const int32_t* pages = nullptr;  // its slice's
};
std::vector<StepRow> step_rows(const StepInput& input);

// [rows] token ids, with what a slot's head chose last in place of kNextToken; Error(bug) if it chose none.
std::vector<int32_t> chosen_tokens(const StepInput& input, const std::vector<StepRow>& rows,
                                   const std::vector<int32_t>& next_tokens);

// What the rules may look at, for each operation of the step that has rows. `threads` are the device's threads or
// multiprocessors.
std::vector<LaunchShape> launch_shapes(const ModelShape& shape, const StepInput& input, int threads);

// Choice sets by number; equal sets have one.
class ChoiceSets {
 public:
  int number_of(ChoiceSet set);
  const ChoiceSet& at(int number) const { return sets_.at(static_cast<size_t>(number))->first; }

 private:
  std::map<ChoiceSet, int> numbers_;
  std::vector<std::map<ChoiceSet, int>::const_iterator> sets_;  // by number
};

}  // namespace ra
