#include "core/audit/store_sql.h"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "core/hash.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr int kBusyMilliseconds = 30'000;  // a reader at work delays a commit, and the other way round
constexpr int kMaxValueBytes = 256 << 20;

int flags_of(Access access) {
  switch (access) {
    case Access::read:
      return SQLITE_OPEN_READONLY;
    case Access::write:
      return SQLITE_OPEN_READWRITE;
    case Access::create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Access::memory:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY;
  }
  throw Error(Exit::bug, "internal error: expected a kind of access");
}

}  // namespace

std::string printable_path(const std::string& path) {
  return printable(path, 4096);
}

void Connection::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Connection::Connection(const std::string& path, Access access)
    : name_(printable_path(path)), access_(access) {
  check(path.starts_with('/'), "the database's path to be absolute");
  open(path.c_str(), flags_of(access));
}

Connection::Connection() : name_("a database in memory"), access_(Access::memory) {
  open(":memory:", flags_of(access_));
}

Connection::Connection(const std::string& name, std::string_view bytes)
    : name_(printable_path(name)), access_(Access::memory) {
  open(":memory:", flags_of(access_));
  // SQLite takes over what it is given.
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(std::max<size_t>(bytes.size(), 1)));
  if (copy == nullptr) throw Error(Exit::device, name_ + ": not enough memory to read the database");
  std::copy(bytes.begin(), bytes.end(), copy);
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  if (sqlite3_deserialize(handle(), "main", copy, size, size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    throw failure("reading it");
}

void Connection::open(const char* path, int flags) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path, &database, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  database_.reset(database);
  if (database == nullptr) throw Error(Exit::device, name_ + ": not enough memory to open the database");
  if (code != SQLITE_OK) throw failure("opening it");
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, kMaxValueBytes);
  sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
  for (int option : {SQLITE_DBCONFIG_DEFENSIVE}) sqlite3_db_config(database, option, 1, nullptr);
  for (int option : {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                     SQLITE_DBCONFIG_ENABLE_VIEW, SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL}) {
    sqlite3_db_config(database, option, 0, nullptr);
  }
}

std::string Connection::bytes() {
  struct Free {
    void operator()(unsigned char* bytes) const { sqlite3_free(bytes); }
  };
  sqlite3_int64 size = 0;
  const std::unique_ptr<unsigned char, Free> copy(sqlite3_serialize(handle(), "main", &size, 0));
  if (!copy) throw Error(Exit::device, name_ + ": not enough memory to copy the database");
  return {reinterpret_cast<const char*>(copy.get()), static_cast<size_t>(size)};
}

Error Connection::failure(const std::string& doing) const {
  const std::string found = name_ + ": " + sqlite3_errmsg(handle()) + " (" + doing + ")";
  switch (sqlite3_extended_errcode(handle()) & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return damaged(sqlite3_errmsg(handle()));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error(Exit::storage, found + "; expected no other process to hold it for so long");
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_TOOBIG:
      if (access_ == Access::read || access_ == Access::memory)
        return Error(Exit::bad_input, found + "; expected a file that can be read");
      return Error(Exit::storage, found + "; expected to be able to write there");
    case SQLITE_NOMEM:
      return Error(Exit::device, found);
    default:
      return Error(Exit::bug, found);
  }
}

Error Connection::damaged(const std::string& what) const {
  return Error(Exit::bad_input,
               name_ + ": " + what +
                   "; expected a whole database (`repro-audit db check --db FILE` lists what is damaged, "
                   "`sqlite3 FILE .recover` saves what can be read)");
}

void Connection::run(const std::string& sql) {
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw failure(sql);
}

void Connection::vacuum() {
  // It attaches the copy that it writes.
  sqlite3_limit(handle(), SQLITE_LIMIT_ATTACHED, 1);
  run("VACUUM");
  sqlite3_limit(handle(), SQLITE_LIMIT_ATTACHED, 0);
}

int64_t Connection::integer(const std::string& sql) {
  Statement statement(*this, sql);
  if (!statement.step()) throw damaged("no answer to " + sql);
  return statement.integer(0);
}

std::string Connection::text(const std::string& sql) {
  Statement statement(*this, sql);
  if (!statement.step()) throw damaged("no answer to " + sql);
  return statement.text(0);
}

bool Connection::needs_rollback() {
  sqlite3_exec(handle(), "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  return sqlite3_extended_errcode(handle()) == SQLITE_READONLY_ROLLBACK;
}

bool Connection::read_only() const {
  return sqlite3_db_readonly(handle(), "main") != 0;
}
bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle()) == 0;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(Connection& connection, const std::string& sql, const std::vector<Value>& values)
    : connection_(&connection) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection.handle(), sql.c_str(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    throw connection.failure(sql);
  }
  statement_.reset(statement);
  for (size_t i = 0; i < values.size(); ++i) {
    const int place = static_cast<int>(i) + 1;
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<int64_t>(&values[i])) {
      code = sqlite3_bind_int64(statement, place, *integer);
    } else if (const auto* real = std::get_if<double>(&values[i])) {
      code = sqlite3_bind_double(statement, place, *real);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      code = sqlite3_bind_text64(statement, place, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
      const std::string& bytes = std::get<Blob>(values[i]).bytes;
      code = sqlite3_bind_blob64(statement, place, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
    }
    if (code != SQLITE_OK) throw connection.failure(sql);
  }
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw connection_->failure(sqlite3_sql(statement_.get()));
}

int Statement::columns() const {
  return sqlite3_column_count(statement_.get());
}

Value Statement::value(int column) const {
  sqlite3_stmt* statement = statement_.get();
  const auto bytes = [&](const void* data) {
    const int size = sqlite3_column_bytes(statement, column);
    return size == 0 ? std::string() : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return bytes(sqlite3_column_text(statement, column));
    case SQLITE_BLOB:
      return Blob{bytes(sqlite3_column_blob(statement, column))};
    default:
      throw connection_->damaged("NULL where a value belongs");
  }
}

namespace {
template <typename T>
T typed(Connection* connection, const Value& value) {
  if (const T* found = std::get_if<T>(&value)) return *found;
  throw connection->damaged("a value of another type than its column's");
}
}  // namespace

int64_t Statement::integer(int column) const {
  return typed<int64_t>(connection_, value(column));
}
double Statement::real(int column) const {
  return typed<double>(connection_, value(column));
}
std::string Statement::text(int column) const {
  return typed<std::string>(connection_, value(column));
}
std::string Statement::blob(int column) const {
  return typed<Blob>(connection_, value(column)).bytes;
}

Transaction::Transaction(Connection& connection, const char* begin) : connection_(connection) {
  connection_.run(begin);
}

Transaction::~Transaction() {
  // A failed write may have rolled back by itself; what cannot be rolled back now is undone from the journal later.
  if (connection_.in_transaction()) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  connection_.run("COMMIT");
}

int64_t seal_of(const std::string& table, const std::vector<Value>& values) {
  std::string bytes = table;
  const auto append = [&](uint64_t word) {
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(word >> (8 * i) & 0xff);
  };
  for (const Value& value : values) {
    append(value.index());
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      append(static_cast<uint64_t>(*integer));
    } else if (const auto* real = std::get_if<double>(&value)) {
      append(std::bit_cast<uint64_t>(*real));
    } else {
      const auto* text = std::get_if<std::string>(&value);
      const std::string& content = text != nullptr ? *text : std::get<Blob>(value).bytes;
      append(content.size());
      bytes += content;
    }
  }
  return static_cast<int64_t>(xxh3_64(std::as_bytes(std::span(bytes))));
}

void insert(Connection& connection, const std::string& table, std::vector<Value> values) {
  values.emplace_back(seal_of(table, values));
  std::string sql = "INSERT INTO " + table + " VALUES (?";
  for (size_t i = 1; i < values.size(); ++i) sql += ", ?";
  Statement(connection, sql + ")", values).step();
}

Rows::Rows(Connection& connection, const std::string& table, const std::string& where,
           const std::vector<Value>& values)
    : connection_(connection),
      table_(table),
      statement_(connection, "SELECT * FROM " + table + " " + where, values) {}

bool Rows::next() {
  if (!statement_.step()) return false;
  std::vector<Value> values;
  const int last = statement_.columns() - 1;
  for (int i = 0; i < last; ++i) values.push_back(statement_.value(i));
  if (statement_.integer(last) != seal_of(table_, values)) {
    std::string key;
    for (size_t i = 0; i < values.size() && i < 4; ++i) {
      if (const auto* integer = std::get_if<int64_t>(&values[i]))
        key.append(" ").append(std::to_string(*integer));
    }
    throw connection_.damaged("table " + table_ + ", row" + key + ": its seal does not match its content");
  }
  return true;
}

int32_t Rows::integer32(int column) const {
  const int64_t value = integer(column);
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    throw connection_.damaged("table " + table_ + ": " + std::to_string(value) + " does not fit 32 bits");
  }
  return static_cast<int32_t>(value);
}

}  // namespace ra
