// What every device does before a step runs: check its input, lay out its launches, and number their choices.
#pragma once

#include <vector>

#include "kernels/ops.h"

namespace ra {

// Positions for which the reserved pages have room; the table of RoPE has as many rows.
int reserved_positions(const ModelShape& shape, const Capacity& capacity);

// Error(bug) unless the step's slots, positions, pages, rows and logit rows lie within what was reserved, and its tokens
// in the vocabulary (kNextToken is one).
void check_step(const ModelShape& shape, const Capacity& capacity, const StepInput& input);

// What the rules may look at, for each operation of the step that has rows. `threads` are the device's threads or
// multiprocessors.
std::vector<LaunchShape> launch_shapes(const ModelShape& shape, const StepInput& input, int threads);

// Choice sets by number; equal sets have one.
class ChoiceSets {
 public:
  int number_of(ChoiceSet set);
  const ChoiceSet& at(int number) const { return sets_.at(static_cast<size_t>(number)); }

 private:
  std::vector<ChoiceSet> sets_;
};

}  // namespace ra
