#include "core/audit/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "core/audit/store_codec.h"
#include "core/audit/store_database.h"
#include "core/audit/store_schema.h"
#include "core/audit/store_time.h"
#include "core/nearest.h"
#include "core/printable.h"

namespace ra {
namespace {

// The file's one name: journal and lock lie beside it, so two names would be two locks.
std::string real_path(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw Error(Exit::usage, "--db: an empty name; expected a file name");
  }
  std::error_code code;
  const std::filesystem::path found =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, code), code);
  if (code)
    throw Error(Exit::bad_input,
                printable_path(path) + ": " + code.message() + "; expected a file name that leads somewhere");
  return found;
}

bool exists(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return false;
    throw Error(Exit::bad_input,
                printable_path(path) + ": " + std::strerror(errno) + "; expected a database");
  }
  if (!S_ISREG(facts.st_mode))
    throw Error(Exit::bad_input, printable_path(path) + ": not a regular file; expected a database");
  if (facts.st_size == 0)
    throw Error(Exit::bad_input, printable_path(path) + ": an empty file; expected a database");
  if (facts.st_nlink > 1) {
    throw Error(Exit::bad_input, printable_path(path) + ": " + std::to_string(facts.st_nlink) +
                                     " hard links; expected one name, because the journal lies beside it");
  }
  return true;
}

void check_writable(const std::string& path) {
  for (const std::string& name : {path, std::filesystem::path(path).parent_path().string()}) {
    if (access(name.c_str(), W_OK) != 0) {
      throw Error(Exit::storage, printable_path(name) + ": " + std::strerror(errno) +
                                     "; expected to be able to write there");
    }
  }
}

// Sequences whose results come back, by their place in the trial.
std::vector<int32_t> recorded_places(const Trial& trial) {
  std::vector<int32_t> places;
  for (size_t i = 0; i < trial.sequences.size(); ++i) {
    if (trial.sequences[i].kind != SequenceKind::companion) places.push_back(static_cast<int32_t>(i));
  }
  return places;
}

int64_t next_number(Connection& connection, const std::string& table, const std::string& column,
                    int64_t audit) {
  return connection.integer("SELECT coalesce(max(" + column + "), -1) + 1 FROM " + table +
                            " WHERE audit = " + std::to_string(audit));
}

std::map<std::string, int32_t> stored_choice_sets(Connection& connection, int64_t audit) {
  std::map<int32_t, ChoiceSetRecord> stored;
  Rows rows(connection, "choices", "WHERE audit = ? ORDER BY choice_set, place", {audit});
  while (rows.next()) stored[rows.integer32(1)].push_back({rows.text(3), rows.text(4), rows.text(5)});
  std::map<std::string, int32_t> numbers;
  for (const auto& [number, choices] : stored) numbers[choices_key(choices)] = number;
  return numbers;
}

// The audit's number for these choices, new or the one they already have.
int32_t choice_set_number(Connection& connection, OpenAudit& audit, const ChoiceSetRecord& choices) {
  const int32_t next = static_cast<int32_t>(audit.choice_sets.size());
  const auto [known, is_new] = audit.choice_sets.emplace(choices_key(choices), next);
  if (is_new) insert_choices(connection, audit.number, next, choices);
  return known->second;
}

int64_t stream_number(Connection& connection, int64_t audit, const Stream& stream) {
  const std::string content = content_sha256(stream);
  Statement known(connection, "SELECT stream FROM streams WHERE audit = ? AND content = ?", {audit, content});
  if (known.step()) return known.integer(0);
  const int64_t number = next_number(connection, "streams", "stream", audit);
  insert_stream(connection, audit, number, stream);
  return number;
}

std::string last_chain(Connection& connection, int64_t audit, int32_t arm) {
  Statement last(connection,
                 "SELECT chain FROM sequences WHERE audit = ? AND arm = ? ORDER BY link DESC LIMIT 1",
                 {audit, int64_t{arm}});
  return last.step() ? last.text(0) : kChainStart;
}

void append_sequences(Connection& connection, int64_t audit, const std::string& id, const Plan& plan,
                      const Turn& turn, int32_t attempt, const TrialResult& result) {
  const Trial& trial = plan.trials[static_cast<size_t>(turn.trial)];
  const std::vector<int32_t> places = recorded_places(trial);
  check(result.sequences.size() == places.size(), "a result for every run and probe of the trial");
  const std::string& arm = plan.spec.arms[static_cast<size_t>(turn.arm)];
  std::string chain = last_chain(connection, audit, turn.arm);
  int64_t link = connection.integer("SELECT coalesce(max(link), -1) + 1 FROM sequences WHERE audit = " +
                                    std::to_string(audit) + " AND arm = " + std::to_string(turn.arm));
  for (size_t i = 0; i < places.size(); ++i) {
    const PlannedSequence& planned = trial.sequences[static_cast<size_t>(places[i])];
    const SequenceResult& found = result.sequences[i];
    check(found.kind == planned.kind && found.index == planned.index, "results in the order of the plan");
    const Stream stream = stream_of(found.tokens, found.steps, found.end);
    chain = hex(sha256(chain_line(id, arm, turn, attempt, places[i], planned, stream, chain)));
    insert_sequence(connection, audit, link++,
                    {.arm = turn.arm,
                     .trial = turn.trial,
                     .attempt = attempt,
                     .sequence = places[i],
                     .stream = static_cast<int32_t>(stream_number(connection, audit, stream)),
                     .chain = chain});
  }
}

void append_attempt(Connection& connection, OpenAudit& open, const std::string& id, const Turn& turn,
                    int32_t attempt, const TrialResult& result,
                    const std::map<int32_t, std::string>& pieces) {
  const int64_t audit = open.number;
  const Plan& plan = open.plan;
  check(turn.trial >= 0 && turn.trial < static_cast<int32_t>(plan.trials.size()), "a trial of the plan");
  check(turn.arm >= 0 && turn.arm < static_cast<int32_t>(plan.spec.arms.size()), "an arm of the plan");
  std::vector<LaunchRecord> launches;
  if (!result.failed) {
    std::vector<int32_t> numbers;
    for (const ChoiceSetRecord& choices : result.choice_sets) {
      check(!choices.empty(), "a launch to have kernel choices");
      numbers.push_back(choice_set_number(connection, open, choices));
    }
    launches = result.launches;
    for (LaunchRecord& launch : launches) {
      check(launch.choice_set >= 0 && launch.choice_set < static_cast<int32_t>(numbers.size()),
            "a launch's choice set in its result");
      launch.choice_set = numbers[static_cast<size_t>(launch.choice_set)];
    }
  }
  for (const auto& [token, bytes] : pieces) {
    Statement known(connection, "SELECT 1 FROM pieces WHERE audit = ? AND token = ?",
                    {audit, int64_t{token}});
    if (!known.step()) insert(connection, "pieces", {audit, int64_t{token}, Blob{bytes}});
  }
  const int64_t known_pieces =
      connection.integer("SELECT count(*) FROM pieces WHERE audit = " + std::to_string(audit));
  insert_attempt(connection, audit, next_number(connection, "attempts", "serial", audit),
                 {.arm = turn.arm,
                  .trial = turn.trial,
                  .attempt = attempt,
                  .outcome = result.failed ? Outcome::failed : Outcome::done,
                  .failure = result.failure,
                  .seconds = result.seconds,
                  .launches = std::move(launches)},
                 known_pieces);
  if (!result.failed) append_sequences(connection, audit, id, plan, turn, attempt, result);
}

// Ids begin with the second and end with few digits: one that is taken is drawn again.
std::string free_audit_id(Connection& connection) {
  for (;;) {
    std::string id = new_audit_id();
    if (!Statement(connection, "SELECT 1 FROM audits WHERE id = ?", {id}).step()) return id;
  }
}

void create_audit(Connection& connection, Audit& audit) {
  check(audit.arms.size() == audit.plan.spec.arms.size(), "an arm for every name in the plan");
  for (const std::string& name : audit.plan.spec.arms) check(is_plain_name(name), "arms with plain names");
  if (audit.id.empty()) audit.id = free_audit_id(connection);
  if (audit.created.empty()) audit.created = utc_now();
  check(is_plain_name(audit.id), "a plain audit id");
  audit.segments = {{audit.created, audit.tool}};
  insert_facts(connection, next_audit_number(connection), audit);
}

// Each table is read once: arms have no index, and there may be thousands of audits.
std::vector<AuditSummary> list_audits(Connection& connection) {
  std::map<int64_t, std::map<std::string, std::string>> places;  // by audit: the settings that say its list
  Rows settings(connection, "subject_facts",
                "WHERE topic = 'settings' AND name >= 'prompts.' AND name < 'prompts/'");
  while (settings.next()) places[settings.integer(0)][settings.text(2)] = settings.text(3);
  std::map<int64_t, std::vector<std::string>> arms_of;  // by the audit's number
  Rows arms(connection, "arms", "ORDER BY audit, arm");
  while (arms.next()) arms_of[arms.integer(0)].push_back(arms.text(2));
  std::map<int64_t, int64_t> done_of;
  Statement done(
      connection,
      "SELECT audit, count(*) FROM (SELECT DISTINCT audit, arm, trial FROM attempts) GROUP BY audit");
  while (done.step()) done_of[done.integer(0)] = done.integer(1);
  std::vector<AuditSummary> audits;
  Rows rows(connection, "audits", "ORDER BY audit");
  while (rows.next()) {
    AuditSummary summary{.id = rows.text(1),
                         .created = rows.text(2),
                         .model_name = rows.text(4),
                         .model_sha256 = rows.text(5),
                         .prompt_text = rows.text(6),
                         .prompt_sha256 = rows.text(7),
                         .turns = rows.integer(9)};
    summary.arms = arms_of[rows.integer(0)];
    summary.turns_done = done_of[rows.integer(0)];
    const auto place = places.find(rows.integer(0));
    if (place != places.end()) summary.prompts = set_place(place->second);
    audits.push_back(std::move(summary));
  }
  return audits;
}

}  // namespace

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store Store::open_writer(const std::string& path) {
  const std::string name = real_path(path);
  const bool known = exists(name);
  if (known) check_writable(name);
  auto lock = std::make_unique<WriterLock>(name);
  if (!exists(name)) create_database(name);
  auto database = std::make_unique<Database>(name, Access::write);
  database->lock = std::move(lock);
  Connection& connection = database->connection;
  const int64_t version = check_database(connection);
  if (connection.read_only()) {
    throw Error(Exit::storage, printable_path(name) + ": read-only; expected to be able to write there");
  }
  // 3.40.1 can corrupt a database in WAL mode; with the journal and EXTRA a commit outlives a loss of power.
  connection.run("PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON");
  if (version < kSchemaVersion) migrate_database(connection, version);
  return Store(std::move(database));
}

Store Store::open_reader(const std::string& path) {
  const std::string name = real_path(path);
  if (!exists(name))
    throw Error(Exit::bad_input, printable_path(name) + ": no such file; expected a database");
  auto database = std::make_unique<Database>(name, Access::read);
  if (database->connection.needs_rollback()) {
    // A writer was killed inside a commit. Rolling back is not ours to refuse: without it nobody can read the file.
    database.reset();
    check_writable(name);
    Connection(name, Access::write).integer("SELECT count(*) FROM sqlite_schema");
    database = std::make_unique<Database>(name, Access::read);
  }
  database->version = check_database(database->connection);
  return Store(std::move(database));
}

void Store::create(Audit& audit) {
  Transaction transaction(database_->connection, "BEGIN IMMEDIATE");
  create_audit(database_->connection, audit);
  transaction.commit();
}

std::vector<std::string> Store::create(size_t count, const std::function<Audit(size_t)>& make) {
  Transaction transaction(database_->connection, "BEGIN IMMEDIATE");
  std::vector<std::string> ids;
  for (size_t i = 0; i < count; ++i) {
    Audit audit = make(i);
    create_audit(database_->connection, audit);
    ids.push_back(audit.id);
  }
  transaction.commit();
  return ids;
}

void Store::import(const Audit& audit) {
  insert_audit(database_->connection, audit);
}

void Store::add_segment(const std::string& id, const std::string& tool) {
  Connection& connection = database_->connection;
  Transaction transaction(connection, "BEGIN IMMEDIATE");
  const int64_t audit = audit_number(connection, id);
  insert_segment(connection, audit, next_number(connection, "segments", "segment", audit), {utc_now(), tool});
  transaction.commit();
}

void Store::append(const std::string& id, const Turn& turn, int32_t attempt, const TrialResult& result,
                   const std::map<int32_t, std::string>& pieces) {
  Connection& connection = database_->connection;
  try {
    if (!database_->open_audits.contains(id)) {
      database_->open_audits.clear();  // audits are run one after another
      const int64_t number = audit_number(connection, id);
      database_->open_audits[id] = {number, read_plan(connection, number),
                                    stored_choice_sets(connection, number)};
    }
    Transaction transaction(connection, "BEGIN IMMEDIATE");
    append_attempt(connection, database_->open_audits[id], id, turn, attempt, result, pieces);
    transaction.commit();
  } catch (...) {
    database_->open_audits.erase(id);  // it may know of choices that were rolled back
    throw;
  }
}

std::vector<AuditSummary> Store::list() const {
  Transaction transaction(database_->connection, "BEGIN");
  return list_audits(database_->connection);
}

std::string Store::resolve(const std::string& id) const {
  std::vector<std::string> found, likely;
  for (const AuditSummary& audit : list()) {
    if (audit.id == id) return id;
    likely.push_back(audit.id.substr(0, id.size()));  // what is typed is often a beginning
    if (id == "latest") found = {audit.id};
    if (!id.empty() && audit.id.starts_with(id)) found.push_back(audit.id);
  }
  if (found.size() == 1) return found.front();
  if (!likely.empty()) likely.emplace_back("latest");
  const std::string what = "audit '" + printable(id) + "' in " + database_->connection.name();
  if (found.empty())
    throw Error(Exit::usage,
                what + ": there is none; expected an id that `repro-audit list` shows" + perhaps(id, likely));
  throw Error(Exit::usage, what + ": " + std::to_string(found.size()) + " begin so; expected more of the id");
}

Audit Store::load(const std::string& id) const {
  Connection& connection = database_->connection;
  Transaction transaction(connection, "BEGIN");
  return read_audit(connection, audit_number(connection, id));
}

std::vector<std::string> Store::verify() const {
  Connection& connection = database_->connection;
  std::vector<std::string> problems;
  // Each check goes as far as the damage lets it; what it throws is one line.
  const auto attempt = [&](const auto& check_part) {
    try {
      check_part();
    } catch (const Error& error) {
      if (std::find(problems.begin(), problems.end(), error.what()) == problems.end())
        problems.emplace_back(error.what());
    }
  };
  Transaction transaction(connection, "BEGIN");
  for (const char* pragma : {"PRAGMA integrity_check", "PRAGMA foreign_key_check"}) {
    attempt([&] {
      Statement statement(connection, pragma);
      while (statement.step()) {
        const std::string line = std::get<std::string>(statement.value(0));
        if (line != "ok") problems.push_back(connection.name() + ": " + line);
      }
    });
  }
  for (const std::string& table : store_tables(database_->version)) {
    attempt([&] {
      Rows rows(connection, table, "");
      while (rows.next()) continue;
    });
  }
  attempt([&] {
    for (const AuditSummary& audit : list_audits(connection)) {
      attempt([&] { read_audit(connection, audit_number(connection, audit.id)); });
    }
  });
  return problems;
}

}  // namespace ra
