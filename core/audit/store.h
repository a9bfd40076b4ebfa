// The database: the only place that knows SQLite. One file holds many audits. Every promise of storage is kept here:
// a trial is one transaction, committed before it is acknowledged.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/audit.h"
#include "core/audit/set_place.h"

namespace ra {

struct AuditSummary {
  std::string id;
  std::string created;
  std::string model_name;
  std::string model_sha256;
  std::string prompt_text;
  std::string prompt_sha256;
  std::vector<std::string> arms;
  int64_t turns = 0;
  int64_t turns_done = 0;
  std::optional<SetPlace> prompts;  // of a list
};

// An audit by a name that later ones are compared with.
struct Baseline {
  std::string name;
  std::string audit;  // its id
  std::string set;    // when, UTC
};

class Store {
 public:
  // Opens for writing, creating the file and its schema if absent; takes the writer's lock (a file beside it) or fails
  // with Error(storage) naming the owner. Error(bad_input) if the file is not ours, newer, or damaged.
  static Store open_writer(const std::string& path);
  // Opens read-only; takes no lock.
  static Store open_reader(const std::string& path);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // Commits the audit's identity, plan and arms, before the first kernel. Fills in id and created.
  void create(Audit& audit);
  // The same of the audits that `make` makes, all or none; gives their ids.
  std::vector<std::string> create(size_t count, const std::function<Audit(size_t)>& make);
  // Commits a whole audit that was made elsewhere and checked (read_export).
  void import(const Audit& audit);
  // Opens a new segment of an audit that is being resumed.
  void add_segment(const std::string& id, const std::string& tool);
  // Commits one attempt with its streams, ledger and chain, whole or not at all. `pieces` are bytes of token ids seen
  // for the first time. Error(storage) leaves the database as it was.
  void append(const std::string& id, const Turn& turn, int32_t attempt, const TrialResult& result,
              const std::map<int32_t, std::string>& pieces);

  std::vector<AuditSummary> list() const;  // oldest first
  // The full id for a unique prefix of one, or for "latest"; Error(usage) otherwise.
  std::string resolve(const std::string& id) const;
  Audit load(const std::string& id) const;

  std::vector<Baseline> baselines() const;  // by name
  // Error(usage) if there is none.
  Baseline baseline(const std::string& name) const;
  // Names a complete audit, in place of another one that had the name. Error(usage) if the name is not plain, or the audit
  // is not there; Error(incomplete) if trials are missing.
  void set_baseline(const std::string& name, const std::string& id);
  void remove_baseline(const std::string& name);  // the name alone; Error(usage) if there is none

  // Removes the audits with everything of theirs, all or none, and then gives their space back. Error(usage) if one is a
  // baseline's.
  void remove(const std::vector<std::string>& ids);

  // SQLite's integrity check, the schema's fingerprint, and every chain and hash recomputed; one line a problem.
  std::vector<std::string> verify() const;

 private:
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  std::unique_ptr<Database> database_;
};

}  // namespace ra
