// Takes a plan's turns in order: runs what is not yet done, makes each trial durable, then acknowledges it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/audit/store.h"

namespace ra {

// Acknowledged after a trial's commit.
struct ProgressEvent {
  Turn turn;
  const Trial* trial = nullptr;
  const TrialResult* result = nullptr;
  int64_t turns_done = 0;  // of plan.order, including earlier segments
};

struct RunnerOptions {
  double max_seconds = 0;                               // 0: no limit; else no trial begins after it
  const std::atomic<bool>* stop_after_trial = nullptr;  // finish the running trial, then return
  const std::atomic<bool>* stop_now = nullptr;          // give up the running trial
  std::function<void(const ProgressEvent&)> on_progress;
  // Bytes of a token id, for reports.
  std::function<std::string(int32_t)> piece;
};

enum class RunEnd : uint8_t { complete, stopped, out_of_time };

// `audit` is the stored one (created or loaded); `subjects[i]` runs arm i. Each arm first runs one unrecorded trial.
// A failed trial is recorded as such and not tried again. Error(bug) where a trial's launches differ from its schedule;
// Error(storage) leaves the audit resumable.
RunEnd run_audit(const Audit& audit, const std::vector<Subject*>& subjects, Store& store,
                 const RunnerOptions& options);

// Whether what is here now can go on with the stored audit. Error(not_comparable) names everything that differs: tool,
// model, an arm's name, device, kernel set, sum-order class, environment or certified outputs.
void check_resumable(const Audit& stored, const std::string& model_sha256, const std::vector<Arm>& arms,
                     const std::string& tool);

}  // namespace ra
