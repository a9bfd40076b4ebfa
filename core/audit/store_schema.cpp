#include "core/audit/store_schema.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace ra {
namespace {

constexpr int64_t kApplicationId = 0x72617564;  // "raud"

struct Table {
  const char* name;
  const char* columns;
  int64_t since = kOldestSchema;  // the version that it came with: later ones come later in the list
};

// Lists of ids and numbers are blobs of little-endian values; store_codec.h has their layout.
constexpr Table kTables[] = {
    // facts_sha256: over subject and arms; pieces: those known from the beginning
    {"audits",
     "audit INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created TEXT NOT NULL, tool TEXT NOT NULL,"
     " model_name TEXT NOT NULL, model_sha256 TEXT NOT NULL, prompt_text TEXT NOT NULL, prompt_sha256 TEXT "
     "NOT NULL,"
     " plan_sha256 TEXT NOT NULL, turns INTEGER NOT NULL,"
     " facts_sha256 TEXT NOT NULL, pieces INTEGER NOT NULL"},
    // What was asked for, and the text of probes and companions; the prompt is the other text.
    {"plans",
     "audit INTEGER PRIMARY KEY REFERENCES audits, prompt BLOB NOT NULL, companion_text BLOB NOT NULL,"
     " vocab INTEGER NOT NULL, max_positions INTEGER NOT NULL, runs INTEGER NOT NULL, max_tokens INTEGER NOT "
     "NULL,"
     " batch_sizes BLOB NOT NULL, seed TEXT NOT NULL, strata TEXT NOT NULL, min_random_trials INTEGER NOT "
     "NULL,"
     " max_rows INTEGER NOT NULL, probe_contexts BLOB NOT NULL, probe_steps INTEGER NOT NULL, text BLOB NOT "
     "NULL"},
    {"probes",
     "audit INTEGER NOT NULL REFERENCES audits, probe INTEGER NOT NULL, context INTEGER NOT NULL, steps "
     "INTEGER NOT NULL, UNIQUE (audit, probe)"},
    {"trials",
     "audit INTEGER NOT NULL REFERENCES audits, trial INTEGER NOT NULL, kind TEXT NOT NULL, stratum TEXT NOT "
     "NULL,"
     " batch_size INTEGER NOT NULL, repeat_of INTEGER NOT NULL, UNIQUE (audit, trial)"},
    // number: a run's, a probe's, a companion's place; text and first: where its tokens begin
    {"planned_sequences",
     "audit INTEGER NOT NULL REFERENCES audits, trial INTEGER NOT NULL, place INTEGER NOT NULL, kind TEXT "
     "NOT NULL,"
     " number INTEGER NOT NULL, text INTEGER NOT NULL, first INTEGER NOT NULL, prompt_length INTEGER NOT "
     "NULL,"
     " steps INTEGER NOT NULL, arrival INTEGER NOT NULL, chunks BLOB NOT NULL, preemptions BLOB NOT NULL,"
     " UNIQUE (audit, trial, place)"},
    {"turns",
     "audit INTEGER NOT NULL REFERENCES audits, place INTEGER NOT NULL, trial INTEGER NOT NULL, arm INTEGER "
     "NOT NULL,"
     " UNIQUE (audit, place)"},
    // topic: model or settings
    {"subject_facts",
     "audit INTEGER NOT NULL REFERENCES audits, topic TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT "
     "NULL"},
    {"prompt_pieces",
     "audit INTEGER NOT NULL REFERENCES audits, place INTEGER NOT NULL, bytes BLOB NOT NULL"},
    {"arms",
     "audit INTEGER NOT NULL REFERENCES audits, arm INTEGER NOT NULL, name TEXT NOT NULL, device TEXT NOT "
     "NULL,"
     " kernel_set TEXT NOT NULL, sum_order_class TEXT NOT NULL"},
    {"arm_environment",
     "audit INTEGER NOT NULL REFERENCES audits, arm INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT "
     "NULL"},
    {"arm_anchors",
     "audit INTEGER NOT NULL REFERENCES audits, arm INTEGER NOT NULL, role TEXT NOT NULL, sum_order TEXT NOT "
     "NULL,"
     " output TEXT NOT NULL"},
    {"segments",
     "audit INTEGER NOT NULL REFERENCES audits, segment INTEGER NOT NULL, started TEXT NOT NULL, tool TEXT "
     "NOT NULL"},
    {"choices",
     "audit INTEGER NOT NULL REFERENCES audits, choice_set INTEGER NOT NULL, place INTEGER NOT NULL,"
     " role TEXT NOT NULL, choice TEXT NOT NULL, sum_order TEXT NOT NULL, UNIQUE (audit, choice_set, place)"},
    // serial: the order of commits; pieces: those known after it
    {"attempts",
     "audit INTEGER NOT NULL REFERENCES audits, serial INTEGER NOT NULL, arm INTEGER NOT NULL, trial INTEGER "
     "NOT NULL,"
     " attempt INTEGER NOT NULL, outcome TEXT NOT NULL, failure TEXT NOT NULL, seconds REAL NOT NULL,"
     " launches BLOB NOT NULL, pieces INTEGER NOT NULL, UNIQUE (audit, serial), UNIQUE (audit, arm, trial, "
     "attempt)"},
    // content: SHA-256 of tokens, steps and end reason; equal ones are stored once
    {"streams",
     "audit INTEGER NOT NULL REFERENCES audits, stream INTEGER NOT NULL, content TEXT NOT NULL, tokens BLOB "
     "NOT NULL,"
     " steps BLOB NOT NULL, end_reason TEXT NOT NULL, token_xxh3 TEXT NOT NULL, token_sha256 TEXT NOT NULL,"
     " logit_digest TEXT NOT NULL, UNIQUE (audit, stream), UNIQUE (audit, content)"},
    // link: the place in the arm's chain
    {"sequences",
     "audit INTEGER NOT NULL REFERENCES audits, arm INTEGER NOT NULL, link INTEGER NOT NULL, trial INTEGER "
     "NOT NULL,"
     " attempt INTEGER NOT NULL, sequence INTEGER NOT NULL, stream INTEGER NOT NULL, chain TEXT NOT NULL,"
     " UNIQUE (audit, arm, link), UNIQUE (audit, arm, trial, attempt, sequence)"},
    {"pieces",
     "audit INTEGER NOT NULL REFERENCES audits, token INTEGER NOT NULL, bytes BLOB NOT NULL, UNIQUE (audit, "
     "token)"},
    {"baselines", "name TEXT NOT NULL UNIQUE, audit INTEGER NOT NULL REFERENCES audits, set_at TEXT NOT NULL",
     kFirstWithBaselines},
};

std::string statement(const Table& table) {
  const std::string columns = table.columns;
  // Constraints come last in SQL, so the seal goes in front of the first one.
  const size_t constraint = columns.find(", UNIQUE (");
  const std::string seal = ", seal INTEGER NOT NULL";
  const std::string body = constraint == std::string::npos
                               ? columns + seal
                               : columns.substr(0, constraint) + seal + columns.substr(constraint);
  return std::string("CREATE TABLE ") + table.name + " (" + body + ") STRICT";
}

Error cannot(const std::string& path, const std::string& doing) {
  return Error(Exit::storage, printable_path(path) + ": " + doing + ": " + std::strerror(errno) +
                                  "; expected to be able to write there");
}

void sync_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw cannot(folder, "opening the folder");
  const int code = fsync(descriptor);
  close(descriptor);
  if (code != 0) throw cannot(folder, "syncing the folder");
}

}  // namespace

std::vector<std::string> store_tables(int64_t version) {
  std::vector<std::string> names;
  for (const Table& table : kTables) {
    if (table.since <= version) names.emplace_back(table.name);
  }
  return names;
}

void create_database(const std::string& path) {
  const std::string draft = path + ".creating";
  // What a killed creation left; the writer's lock is held, so nobody else is at it.
  unlink((draft + "-journal").c_str());
  if (unlink(draft.c_str()) != 0 && errno != ENOENT) throw cannot(draft, "removing it");
  try {
    Connection connection(draft, Access::create);
    connection.run("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA");
    create_tables(connection);
  } catch (const Error&) {
    unlink((draft + "-journal").c_str());
    unlink(draft.c_str());
    throw;
  }
  if (rename(draft.c_str(), path.c_str()) != 0) throw cannot(path, "creating it");
  sync_folder(path);
}

void create_tables(Connection& connection) {
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  connection.run("PRAGMA application_id = " + std::to_string(kApplicationId));
  connection.run("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  for (const Table& table : kTables) connection.run(statement(table));
  transaction.commit();
}

int64_t check_database(Connection& connection) {
  const std::string& path = connection.name();
  if (connection.integer("PRAGMA application_id") != kApplicationId) {
    throw Error(Exit::bad_input, path + ": another program's database; expected one of repro-audit");
  }
  const int64_t version = connection.integer("PRAGMA user_version");
  if (version < kOldestSchema || version > kSchemaVersion) {
    throw Error(Exit::bad_input, path + ": schema version " + std::to_string(version) + "; expected " +
                                     std::to_string(kOldestSchema) + " to " + std::to_string(kSchemaVersion) +
                                     (version > kSchemaVersion ? " (a newer repro-audit made it)" : ""));
  }
  std::vector<std::string> expected;
  for (const Table& table : kTables) {
    if (table.since <= version) expected.push_back(statement(table));
  }
  std::vector<std::string> found;
  Statement schema(connection, "SELECT coalesce(sql, ''), type, name FROM sqlite_schema ORDER BY rowid");
  while (schema.step()) {
    // The indexes that UNIQUE makes have no text of their own.
    if (schema.text(0).empty() && schema.text(1) == "index" &&
        schema.text(2).starts_with("sqlite_autoindex_"))
      continue;
    found.push_back(schema.text(0));
  }
  if (found != expected) {
    throw Error(Exit::bad_input, path + ": other tables than version " + std::to_string(version) +
                                     " has; expected the schema of repro-audit, unchanged");
  }
  const std::string journal = connection.text("PRAGMA journal_mode");
  if (journal != "delete" && !connection.in_memory()) {
    throw Error(Exit::bad_input, path + ": journal mode " + journal + "; expected delete");
  }
  return version;
}

void migrate_database(Connection& connection, int64_t version) {
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  for (const Table& table : kTables) {
    if (table.since > version) connection.run(statement(table));
  }
  connection.run("PRAGMA user_version = " + std::to_string(kSchemaVersion));
  transaction.commit();
}

}  // namespace ra
