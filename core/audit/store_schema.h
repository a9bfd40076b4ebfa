// The database's tables, and what makes a file one of ours.
#pragma once

#include <string>
#include <vector>

#include "core/audit/store_sql.h"

namespace ra {

inline constexpr int64_t kSchemaVersion = 3;
inline constexpr int64_t kOldestSchema = 2;  // that is read
inline constexpr int64_t kFirstWithBaselines = 3;

// Every table of a version, in the order of creation.
std::vector<std::string> store_tables(int64_t version);

// Makes a database with the tables at `path`, whole or not at all: a file that is ours was never half made.
void create_database(const std::string& path);

// Makes the tables in an empty database.
void create_tables(Connection& connection);

// The database's version. Error(bad_input) unless it is one of this program, of a version from kOldestSchema on, with its
// tables and nothing else.
int64_t check_database(Connection& connection);

// Brings a database of an older version to this one, in one transaction.
void migrate_database(Connection& connection, int64_t version);

}  // namespace ra
