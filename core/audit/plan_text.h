// What plans are checked and compared by.
#pragma once

#include <string>
#include <vector>

#include "core/audit/plan.h"

namespace ra {

// Throws as make_plan() says where the spec cannot be met.
void check_spec(const PlanSpec& spec);

// Throws Error(bad_input) unless a plan that was read, not made, can be run and analysed: every number in its range,
// every run planned once, every turn there.
void check_plan(const Plan& plan);

// Throws Error(bad_input) where a plan of others would take more memory and time to lay out, step by step, than its own
// size lets one expect.
void check_plan_size(const Plan& plan);

// Canonical: one line a sequence, everything but a run's index. What the plan's SHA-256 is over and what
// tells two schedules apart.
std::string plan_text(const std::vector<PlannedSequence>& sequences);

}  // namespace ra
