// Specs of plans, for tests: a prompt of 40 ids, 32 batch sizes, two arms.
#pragma once

#include <numeric>

#include "core/audit/plan.h"

namespace ra {

inline PlanSpec spec_of(int32_t runs) {
  PlanSpec spec;
  spec.prompt.resize(40);
  std::iota(spec.prompt.begin(), spec.prompt.end(), 100);
  spec.vocab = 49152;
  spec.max_positions = 2048;
  spec.runs = runs;
  spec.batch_sizes.resize(32);
  std::iota(spec.batch_sizes.begin(), spec.batch_sizes.end(), 1);
  spec.seed = 7;
  spec.arms = {"standard", "invariant"};
  return spec;
}

inline PlanSpec spec_with_all_strata(int32_t runs) {
  PlanSpec spec = spec_of(runs);
  spec.strata = {Stratum::rows, Stratum::chunk, Stratum::preempt, Stratum::all};
  return spec;
}

}  // namespace ra
