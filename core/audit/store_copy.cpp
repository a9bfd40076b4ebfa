#include "core/audit/store_copy.h"

#include "core/audit/plan_text.h"
#include "core/audit/store_database.h"

namespace ra {

std::string database_of(const Audit& audit) {
  Connection connection;
  // What a page had before it was divided would stay in its unused part.
  connection.run("PRAGMA secure_delete = ON");
  create_tables(connection);
  insert_audit(connection, audit);
  return connection.bytes();
}

Audit read_database(std::string_view bytes, const std::string& name) {
  Connection connection(name, bytes);
  check_database(connection);
  Transaction transaction(connection, "BEGIN");
  const auto expect = [&](bool holds, const std::string& found, const std::string& expected) {
    if (!holds) throw Error(Exit::bad_input, connection.name() + ": " + found + "; expected " + expected);
  };
  // Damage within pages that no query meets.
  const std::string integrity = connection.text("PRAGMA integrity_check(1)");
  expect(integrity == "ok", integrity, "a whole database");
  const int64_t audits = connection.integer("SELECT count(*) FROM audits");
  expect(audits == 1, std::to_string(audits) + " audits", "one");
  const int64_t number = connection.integer("SELECT audit FROM audits");
  check_plan_size(read_plan(connection, number));
  return read_audit(connection, number);
}

}  // namespace ra
