// What must hold in an audit that was read, wherever it was read from: nothing in it is believed.
#pragma once

#include "core/audit/audit.h"

namespace ra {

// Recomputes every arm's chain, and looks whether attempts, results, streams and launches fit the plan and each other,
// and whether a place in a list of prompts is one.
// The plan was checked before (check_plan), and the streams' hashes are their content's (stream_of). Error(bad_input)
// with what was found.
void check_audit(const Audit& audit);

}  // namespace ra
