// What differs between two audits: `a`, the earlier one or a baseline, and `b`, which is judged by it. Pure.
//
// Arms are matched by their sum-order class, not by the name of their kernel set: streams of one class are comparable bit
// for bit wherever they were made. A library's own order is opaque: comparable only where the program, the device and
// everything in the environment are the same. What is not comparable is compared all the same, to show what a change of
// library did, but nothing follows from it.
//
// Where the plans are the same, every run and probe that both have done is compared with its like; else the solos of the
// prompt and of the probes that both have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/audit/analysis.h"

namespace ra {

enum class Likeness : uint8_t { same, different, not_comparable };

// Absent: there is none.
struct ValueChange {
  std::string name;
  std::optional<std::string> a, b;
};

// Where a stream of `b` first leaves its like in `a`.
struct Parting {
  int32_t trial = 0;     // in both plans, where they are the same; else of `b`
  int32_t sequence = 0;  // its place in the trial
  bool tokens = false;   // false: the same tokens from other logits
  int32_t position = 0;  // of the first token that differs, or the first digest
  int32_t a_token = -1;  // -1: the stream has ended there
  int32_t b_token = -1;
  int32_t a_stream = 0, b_stream = 0;  // indices into Audit::streams of each
};

// A role's kernel choice that is another one, at these numbers of rows.
struct ChoiceChange {
  std::string role;
  std::string a, b;
  bool sum_order = false;  // the part that decides bits changed, too
  std::vector<int32_t> rows;
};

struct SpeedChange {
  SpeedAtSize a, b;  // of one batch size
};

struct ArmComparison {
  int32_t a = -1, b = -1;  // indices into arms; b: -1 without a like
  Likeness likeness = Likeness::not_comparable;
  std::vector<std::string> obstacles;  // why it is not comparable
  int64_t streams = 0;                 // compared: runs and probes, solos included
  int64_t equal_tokens = 0;            // of them
  int64_t equal_logits = 0;            // of them: tokens and every digest
  std::optional<Parting> parting;      // tokens before logits, then the first position, then the first trial
  bool worse = false;                  // of a class of its own: the verdict is a worse one
  std::vector<ValueChange> facts;      // class, device, environment, certified outputs
  std::vector<ChoiceChange> choices;
  std::vector<SpeedChange> speed;  // of the batch sizes that both have
  std::optional<double> slowdown;  // median over them of a's tokens/s over b's
};

struct Comparison {
  Likeness likeness = Likeness::not_comparable;
  std::vector<std::string> obstacles;  // of model and prompt; then there are no arms
  bool same_plan = false;
  std::vector<ValueChange> facts;   // program, model, prompt, plan, settings
  std::vector<ArmComparison> arms;  // one for each of a's
  std::vector<int32_t> only_b;      // arms that a has no like of
  std::string reason;               // what differs or cannot be compared, in one sentence; empty if nothing
  int exit_status = 0;
};

// Why nothing of the two can be compared: other model, prompt, stop rule, length or rounding of logits. Looks at what is
// known before the first trial only.
std::vector<std::string> find_obstacles(const Audit& a, const Audit& b);

// The findings are the audits'.
Comparison compare(const Audit& a, const Finding& a_finding, const Audit& b, const Finding& b_finding);

const char* name_of(Likeness likeness);

}  // namespace ra
