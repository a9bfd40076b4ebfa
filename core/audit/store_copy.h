// One audit as a database of its own: what goes to others, and what comes back from them.
#pragma once

#include <string>
#include <string_view>

#include "core/audit/audit.h"

namespace ra {

// The bytes of a database that holds this audit's rows and nothing else, in the order of their keys. The same audit gives
// the same bytes with the same version of SQLite. `audit` is one that a Store loaded: Error(bad_input) if it does not
// hold together.
std::string database_of(const Audit& audit);

// The audit of such a database, read from memory: no journal or other file is touched. Nothing in `bytes` is believed:
// as Store::load, and it holds one audit, whose plan can be laid out. Error(bad_input) "<name>: <found>; <expected>".
Audit read_database(std::string_view bytes, const std::string& name);

}  // namespace ra
