// The audits of one `run`, one after another on the same arms: a prompt's, or those of a list.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/audit_setup.h"
#include "cli/event_log.h"
#include "cli/named_audits.h"
#include "cli/run_options.h"
#include "core/audit/runner.h"
#include "core/audit/store.h"

namespace ra {

// Commits all of them, or none, before the first kernel.
NamedAudits create_audits(Store& store, const NewAudits& planned, const Checkpoint& checkpoint,
                          const std::vector<Arm>& arms);

class AuditRuns {
 public:
  // Keeps references to all of them. --max-minutes begins now, and is for all audits together.
  AuditRuns(const RunOptions& options, const Checkpoint& checkpoint, const Tokenizer* tokenizer,
            const std::vector<Subject*>& subjects, Store& store, std::optional<EventLog>& events);

  // What is not yet done of the audit. Error(not_comparable) where it was begun under other conditions.
  RunEnd run(const std::string& id);

 private:
  const RunOptions& options_;
  const Checkpoint& checkpoint_;
  const Tokenizer* tokenizer_;
  std::vector<Subject*> subjects_;
  Store& store_;
  std::optional<EventLog>& events_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace ra
