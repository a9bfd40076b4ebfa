// What may be said: the sentences, the challenge and the exit status of a finding whose arms are known.
#pragma once

#include "core/audit/analysis.h"

namespace ra {

// Fills in challenge, weakest_operation, scope, verdict, incomplete, and by the audit's policy rules, reason and
// exit_status.
void conclude(const Audit& audit, Finding& finding);

}  // namespace ra
