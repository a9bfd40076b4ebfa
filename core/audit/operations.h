// Which operations the control put to the test, from its ledger (measurement.md, Verdicts).
#pragma once

#include <string>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/outcomes.h"

namespace ra {

// One finding for each role in the ledger of `arm`, in the ledger's order, and "attention merge" after
// "attention". Looks only at steps in which a run or probe took part. `is_control`: another arm's ledger can
// show exercise, never a challenge.
std::vector<OperationFinding> find_operations(const Audit& audit, const Outcomes& outcomes, int32_t arm,
                                              bool is_control);

// "attention merge: longest context 112 < 256" of the least tested operation that adds; empty if there is
// none.
std::string weakest_operation(const std::vector<OperationFinding>& operations);

}  // namespace ra
