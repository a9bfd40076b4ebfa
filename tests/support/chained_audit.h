// Made-up audits as a database holds them: what is given is made whole, so that it can be imported.
#pragma once

#include <string>

#include "core/audit/audit.h"

namespace ra {

// Gives the audit another id, and its records the chain that belongs to it.
void rename_audit(Audit& audit, const std::string& id);

}  // namespace ra
