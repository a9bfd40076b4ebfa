// What follows from an audit's facts. Pure: the same audit gives the same finding. Start here: Finding, at
// the end.
//
// Streams are equal if their ids and their reason to end are; logits are equal if every digest up to and
// including the first difference is. Each arm is compared with its own solo. Positions and token numbers
// count from 0.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/audit/audit.h"

namespace ra {

enum class Verdict : uint8_t { identical, tokens_identical, diverged, incomplete };
enum class Challenge : uint8_t { none, logits, tokens };
enum class OperationState : uint8_t { not_exercised, exercised, challenged };

// Where a stream first leaves solo's: the first index at which ids differ, or the shorter length.
struct Divergence {
  int32_t position = 0;
  int32_t solo_token = -1;  // -1: the stream has ended there
  int32_t token = -1;
  // fp32 accumulator gaps (solo's token minus the other) in each stream, where both tokens are among both
  // tops
  std::optional<double> solo_gap;
  std::optional<double> gap;
  // The gap changed by at most 4 epsilon and, where an arm `reference` has the same prefix, its gap lies
  // within the two
  // (+- 4 epsilon). Absent: no gaps, or no epsilon.
  std::optional<bool> consistent_with_rounding;
};

// Runs of one arm whose streams are equal (ids and end reason).
struct StreamGroup {
  int32_t stream = 0;  // index into Audit::streams, a representative
  int64_t runs = 0;
  bool is_solo = false;
  std::optional<Divergence> divergence;  // absent for solo's group
  std::map<int32_t, int64_t> runs_by_batch_size;
};

// X of T random trials, with the exact one-sided 95% Clopper-Pearson upper bound on the rate. Trials of one
// and the same schedule count once, and differ if one of them does.
struct TrialRate {
  int64_t differing = 0;
  int64_t trials = 0;
  double upper95 = 1.0;
};

struct StratumFinding {
  Stratum stratum = Stratum::rows;
  TrialRate digests;
  TrialRate tokens;
};

struct SpeedAtSize {
  int32_t batch_size = 0;
  int64_t trials = 0;
  double tokens_per_second = 0;  // median over trials of tokens emitted by all sequences / seconds
  double low = 0, high = 0;      // the quartiles
};

// How often the best token at equal prefixes is the arm `reference`'s: over probes, and solo up to where it
// parts.
struct Agreement {
  int64_t equal = 0;
  int64_t positions = 0;
};

struct ArmFinding {
  int32_t arm = 0;
  Verdict verdict = Verdict::incomplete;  // diverged, even if incomplete: no later trial can undo it
  bool complete = true;                   // every planned trial of this arm was done
  bool logits_differ = false;             // of any run or probe, repeats included
  int32_t solo_stream = -1;               // index into Audit::streams; -1 if solo was not done
  int64_t planned = 0, done = 0, failed = 0, pending = 0;  // runs, the N; planned = done + failed + pending
  std::vector<int32_t>
      failures;  // indices into Audit::attempts: the last one at each trial that failed and was not done
  int64_t distinct_streams = 0;
  int64_t equal_to_solo = 0;
  std::vector<StreamGroup> groups;             // largest first, then by first divergence, then by stream
  std::optional<Divergence> first_divergence;  // the earliest of all groups
  std::vector<int64_t> equal_at;               // [position]: runs that equal solo up to and including it
  TrialRate digests, tokens;                   // over all strata; tokens: trials that hold a run
  std::vector<StratumFinding> strata;
  int64_t unlike_pairs = 0, pairs = 0;      // of runs from different trials
  int64_t repeats = 0, repeats_unlike = 0;  // repeats whose launches and choices equal the original's
  int64_t repeats_not_comparable = 0;
  bool run_to_run = false;  // a repeat differed: nothing here is put down to the batch
  int64_t probes = 0,
          probes_unlike = 0;  // probe occurrences, and those whose digests differ from their solo's
  std::map<int32_t, int64_t> launches_by_rows;  // the witness: rows -> launches, prefills included
  std::map<int32_t, int64_t>
      launches_by_logit_rows;  // sequences that emitted a token in a launch -> launches
  std::map<int32_t, int64_t> runs_by_batch_size;
  int64_t top_ties = 0;                // steps of solo's stream whose two best values are equal
  std::optional<Agreement> agreement;  // with an arm `reference`, where there is one
  double tokens_per_second = 0;        // tokens emitted by all sequences / seconds, over all trials
  double seconds = 0;
  std::vector<SpeedAtSize> speed;
};

struct OperationFinding {
  std::string role;
  OperationState state = OperationState::not_exercised;
  std::string detail;      // "2 sum orders", "key splits never changed", "longest context 112 < 256"
  int64_t sum_orders = 0;  // of the control, on steps in which a run or probe took part
};

enum class RuleState : uint8_t { met, unmet, pending };  // pending: trials that are missing may decide it

// How the audit stands to one rule of its policy (policy.h).
struct RuleOutcome {
  int32_t arm = -1;  // index into Finding::arms; -1: of the whole audit
  std::string rule;  // "max_distinct"
  std::string expected, found;
  RuleState state = RuleState::pending;
};

struct Finding {
  std::vector<ArmFinding> arms;
  int32_t control = -1;                   // index into arms of `standard`, -1 without one
  Challenge challenge = Challenge::none;  // what of the control differed
  std::vector<OperationFinding> operations;
  std::string weakest_operation;  // "attention merge: longest context 112 < 256", empty without a clean arm
  std::optional<double> epsilon;  // measurement.md, Margins
  int64_t epsilon_samples = 0;
  std::string scope;                 // the scope line
  std::vector<std::string> verdict;  // the answer; one sentence an arm; what it rests on
  bool incomplete = false;
  std::string policy;  // its name
  std::vector<RuleOutcome> rules;
  std::string reason;  // why exit_status is not 0, in one sentence; else empty
  // By the policy: 1 if a rule is unmet, else 5 if incomplete, else 0.
  int exit_status = 0;
};

// Throws Error(bug) if the facts contradict each other (rows unlike the plan, different tokens with equal
// digests).
Finding analyze(const Audit& audit);

const char* name_of(Verdict verdict);
const char* name_of(Challenge challenge);
const char* name_of(OperationState state);
const char* name_of(RuleState state);

// The sum-order class of a library's own order.
inline constexpr const char* kOpaqueClass = "opaque";

}  // namespace ra
