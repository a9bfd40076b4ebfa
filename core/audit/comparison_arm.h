// The parts of comparing two audits. Included by comparison*.cpp alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/comparison.h"
#include "core/audit/outcomes.h"

namespace ra {

using Words = std::map<std::string, std::string>;

std::optional<std::string> value_of(const Words& words, const std::string& name);
void add_changes(std::vector<ValueChange>& changes, const Words& a, const Words& b);
// "blas was "0.3.21", is absent"
std::string sentence_of(const ValueChange& change);

// What one of the two is, with its outcomes.
struct ComparedSide {
  const Audit& audit;
  const Outcomes& outcomes;
};

ArmComparison compare_arms(const ComparedSide& a, const ArmFinding& a_arm, const ComparedSide& b,
                           const ArmFinding& b_arm, bool same_plan);

}  // namespace ra
