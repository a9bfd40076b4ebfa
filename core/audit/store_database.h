// What an open Store holds. Included by store*.cpp alone.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/audit/store.h"
#include "core/audit/store_lock.h"
#include "core/audit/store_schema.h"
#include "core/audit/store_sql.h"

namespace ra {

// What append() needs of an audit, read once.
struct OpenAudit {
  int64_t number = 0;  // audits.audit
  Plan plan;
  std::map<std::string, int32_t> choice_sets;  // choices_key() -> their number
};

struct Store::Database {
  Database(const std::string& path, Access access) : connection(path, access) {}
  std::unique_ptr<WriterLock> lock;  // none for readers
  Connection connection;
  int64_t version = kSchemaVersion;              // of the schema; a reader may meet an older one
  std::map<std::string, OpenAudit> open_audits;  // by id
};

int64_t audit_number(Connection& connection,
                     const std::string& id);  // Error(usage) if there is none of this id
int64_t next_audit_number(Connection& connection);
// A whole audit, in one transaction, and read back.
void insert_audit(Connection& connection, const Audit& audit);
// All that is known of an audit before its first trial, and everything else of one that was whole elsewhere.
void insert_facts(Connection& connection, int64_t audit, const Audit& facts);
void insert_results(Connection& connection, int64_t audit, const Audit& facts);
// One fact each.
void insert_segment(Connection& connection, int64_t audit, int64_t number, const Segment& segment);
void insert_choices(Connection& connection, int64_t audit, int64_t number, const ChoiceSetRecord& choices);
void insert_stream(Connection& connection, int64_t audit, int64_t number, const Stream& stream);
void insert_attempt(Connection& connection, int64_t audit, int64_t serial, const Attempt& attempt,
                    int64_t known_pieces);
void insert_sequence(Connection& connection, int64_t audit, int64_t link, const SequenceFact& fact);
void insert_plan(Connection& connection, int64_t audit, const Plan& plan);
// Checked by itself (check_plan) and against its SHA-256; Error(bad_input) if it does not hold.
Plan read_plan(Connection& connection, int64_t audit);
// Everything, with every seal, hash and chain recomputed: Error(bad_input) at the first that does not hold.
Audit read_audit(Connection& connection, int64_t audit);

}  // namespace ra
