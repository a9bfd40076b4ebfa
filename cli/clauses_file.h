// The clauses that a report for filing names: a TOML file outside the program, so that the list changes without it.
#pragma once

#include <string>

#include "reports/html_filing.h"

namespace ra {

// The list that was installed with this program: share/repro-audit/clauses.toml beside the folder that the program is in.
std::string installed_clauses();

// Error(usage) "<file>:<line>: <found>; <expected>": every key of every clause is there, once, is a text that is not empty
// (`where`: at least one such text), and there is no other.
ClauseList read_clauses(const std::string& path);
// The same of a file's text; `path` is its name in messages.
ClauseList parse_clauses(const std::string& toml, const std::string& path);

}  // namespace ra
