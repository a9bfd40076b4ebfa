// Baselines, and the removal of audits, which spares them.
#include <algorithm>

#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"
#include "core/audit/store_time.h"
#include "core/nearest.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kLongestName = 100;

std::string id_of(Connection& connection, int64_t audit) {
  Rows rows(connection, "audits", "WHERE audit = ?", {audit});
  if (!rows.next()) throw connection.damaged("a baseline of an audit that is not there");
  return rows.text(1);
}

void delete_baseline(Connection& connection, const std::string& name) {
  Statement(connection, "DELETE FROM baselines WHERE name = ?", {name}).step();
}

}  // namespace

std::vector<Baseline> Store::baselines() const {
  Connection& connection = database_->connection;
  std::vector<Baseline> found;
  if (database_->version < kFirstWithBaselines) return found;
  Transaction transaction(connection, "BEGIN");
  Rows rows(connection, "baselines", "ORDER BY name");
  while (rows.next()) found.push_back({rows.text(0), id_of(connection, rows.integer(1)), rows.text(2)});
  return found;
}

Baseline Store::baseline(const std::string& name) const {
  std::vector<std::string> names;
  for (const Baseline& baseline : baselines()) {
    if (baseline.name == name) return baseline;
    names.push_back(baseline.name);
  }
  throw Error(Exit::usage, "baseline '" + printable(name) + "' in " + database_->connection.name() +
                               ": there is none; expected one that `repro-audit baseline list` shows" +
                               perhaps(name, names));
}

void Store::set_baseline(const std::string& name, const std::string& id) {
  if (!is_plain_name(name) || name.size() > kLongestName) {
    throw Error(Exit::usage,
                "baseline '" + printable(name) +
                    "': a name of other characters; expected letters, digits and -_.:+, at most 100");
  }
  Connection& connection = database_->connection;
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  const int64_t audit = audit_number(connection, id);
  const int64_t turns = connection.integer("SELECT turns FROM audits WHERE audit = " + std::to_string(audit));
  const int64_t done = connection.integer(
      "SELECT count(*) FROM (SELECT DISTINCT arm, trial FROM attempts WHERE outcome = 'done' AND audit = " +
      std::to_string(audit) + ")");
  if (done < turns) {
    throw Error(Exit::incomplete, "audit " + id + ": " + std::to_string(done) + " of " +
                                      std::to_string(turns) +
                                      " trials done; expected a complete one for a baseline");
  }
  delete_baseline(connection, name);
  insert(connection, "baselines", {name, audit, utc_now()});
  transaction.commit();
}

void Store::remove_baseline(const std::string& name) {
  baseline(name);
  Connection& connection = database_->connection;
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  delete_baseline(connection, name);
  transaction.commit();
}

void Store::remove(const std::vector<std::string>& ids) {
  for (const Baseline& baseline : baselines()) {
    if (std::find(ids.begin(), ids.end(), baseline.audit) == ids.end()) continue;
    throw Error(Exit::usage, "audit " + baseline.audit + ": baseline " + baseline.name +
                                 "; expected to remove the baseline first (`repro-audit baseline rm`)");
  }
  Connection& connection = database_->connection;
  std::vector<std::string> tables = store_tables(kSchemaVersion);
  std::reverse(tables.begin(), tables.end());  // those that refer to audits before it
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  for (const std::string& id : ids) {
    const int64_t audit = audit_number(connection, id);
    for (const std::string& table : tables)
      Statement(connection, "DELETE FROM " + table + " WHERE audit = ?", {audit}).step();
    database_->open_audits.erase(id);
  }
  transaction.commit();
  if (!ids.empty()) connection.vacuum();
}

}  // namespace ra
