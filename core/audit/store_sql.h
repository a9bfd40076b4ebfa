// SQLite in the few words that the store needs. Included by store*.cpp alone; only store_sql.cpp sees sqlite3.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ra {

// A path as messages show it: on one line, whatever is in it.
std::string printable_path(const std::string& path);

struct Blob {
  std::string bytes;
};
using Value = std::variant<int64_t, double, std::string, Blob>;  // INTEGER, REAL, TEXT, BLOB

enum class Access : uint8_t { read, write, create, memory };

// One open database file. Not shared between threads.
class Connection {
 public:
  // `path` is a file's name, whatever it looks like: absolute, so never ":memory:" or a URI. What the file holds is not
  // trusted: no triggers, views or functions of its own run.
  Connection(const std::string& path, Access access);
  // An empty database in memory.
  Connection();
  // The database that `bytes` are the file of, read-only, without journal or other files. `name` is for messages.
  Connection(const std::string& name, std::string_view bytes);

  void run(const std::string& sql);
  void vacuum();  // gives free pages back; not in a transaction
  // The first column of the only row.
  int64_t integer(const std::string& sql);
  std::string text(const std::string& sql);
  // True if reading needs a rollback of what a killed writer left, which a read-only connection may not do.
  bool needs_rollback();
  bool read_only() const;
  bool in_memory() const { return access_ == Access::memory; }
  bool in_transaction() const;
  std::string bytes();  // of the file that this database is, or would be

  const std::string& name() const { return name_; }  // the path, printable
  sqlite3* handle() const { return database_.get(); }
  // SQLite's last failure as a sentence with the exit status that fits it and this connection's access.
  Error failure(const std::string& doing) const;
  // The content contradicts itself.
  Error damaged(const std::string& what) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  void open(const char* path, int flags);

  std::string name_;
  Access access_;
  std::unique_ptr<sqlite3, Close> database_;
};

class Statement {
 public:
  Statement(Connection& connection, const std::string& sql, const std::vector<Value>& values = {});
  bool step();  // false when there are no more rows
  int columns() const;
  Value value(int column) const;  // NULL is damage: no table of ours has one
  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Connection* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Rolls back unless committed.
class Transaction {
 public:
  Transaction(Connection& connection, const char* begin);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
};

// Every row of every table ends with a seal: XXH3-64 over the table's name and the row's other values. SQLite does not
// notice a flipped bit in a value; a seal does. It is no evidence: the chain of SHA-256 is.
int64_t seal_of(const std::string& table, const std::vector<Value>& values);
void insert(Connection& connection, const std::string& table, std::vector<Value> values);

// The rows of a table, each with its seal checked: next() throws Connection::damaged().
class Rows {
 public:
  // `where` is the rest of the statement: "WHERE audit = ? ORDER BY serial".
  Rows(Connection& connection, const std::string& table, const std::string& where,
       const std::vector<Value>& values = {});
  bool next();
  int64_t integer(int column) const { return statement_.integer(column); }
  int32_t integer32(int column) const;
  double real(int column) const { return statement_.real(column); }
  std::string text(int column) const { return statement_.text(column); }
  std::string blob(int column) const { return statement_.blob(column); }

 private:
  Connection& connection_;
  std::string table_;
  Statement statement_;
};

}  // namespace ra
