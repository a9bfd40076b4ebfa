// Audits as people name them: an id, a baseline, or an export file.
#pragma once

#include <optional>
#include <string>

#include "core/audit/audit.h"
#include "core/audit/store.h"

namespace ra {

struct NamedAudit {
  std::string name;  // "baseline nightly", "audit latest", a file
  Audit audit;
};

// Finds audits; opens the database when the first of them is in it.
class AuditSource {
 public:
  // `database`: as --db gave it, if it did.
  explicit AuditSource(std::optional<std::string> database) : database_(std::move(database)) {}

  // A word with a slash, or with .gz at its end, is an export file; else a baseline's name goes before an id. Errors are
  // those of read_export and Store.
  NamedAudit find(const std::string& word);

 private:
  const Store& store();

  std::optional<std::string> database_;
  std::optional<Store> store_;
};

}  // namespace ra
