// What happens in a run, as it happens: NDJSON, a line when it begins, one after each trial's commit, one when it ends.
// man/repro-audit-report.5, EVENTS, says what the members mean. The database, not this file, is the truth: a run that was
// killed between a commit and its line leaves one line fewer, never one more.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "core/audit/audit.h"
#include "core/audit/prompt_set.h"
#include "core/audit/runner.h"

namespace ra {

class EventLog {
 public:
  // "-" is stdout. A file is made anew, or with `append` gone on with; a line that was torn is then cut off first.
  // Error(usage) where it holds something else than events, Error(storage) where it cannot be written.
  EventLog(const std::string& path, bool append);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // `audit` is the stored one.
  void begin(const Audit& audit);
  // After its commit.
  void trial(const Audit& audit, const ProgressEvent& event);
  // `state`: "complete", "stopped" or "out of time"; `reason` as the last line on stderr gives it, or empty.
  void end(const std::string& state, int exit_status, const std::string& reason);
  // After the last prompt of a list.
  void end_set(const PromptSet& set);

 private:
  void write(const std::string& line);

  std::string path_;
  int descriptor_ = -1;                                        // of a file
  std::map<int32_t, std::pair<std::string, EndReason>> solo_;  // by arm: its stream's SHA-256 and end
  int64_t trials_done_ = 0;
};

}  // namespace ra
