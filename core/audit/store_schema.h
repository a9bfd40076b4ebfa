// The database's tables, and what makes a file one of ours.
#pragma once

#include <string>
#include <vector>

#include "core/audit/store_sql.h"

namespace ra {

// Every table, in the order of creation.
const std::vector<std::string>& store_tables();

// Makes a database with the tables at `path`, whole or not at all: a file that is ours was never half made.
void create_database(const std::string& path);

// Error(bad_input) unless the file is a database of this program, of this version, with these tables and nothing else.
void check_database(Connection& connection);

}  // namespace ra
