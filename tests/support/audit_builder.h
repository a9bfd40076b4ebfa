// Builds small audits by hand, so that a test knows what analyze() must find. No model, no database: each run or probe
// gets the stream that the test plants, and every launch is what the schedule says.
#pragma once

#include <string>
#include <vector>

#include "core/audit/audit.h"

namespace ra {

// A stream whose step i has digest `digest`(prefix, salt) and the gap `gap` between its two best accumulators. Streams
// share digests at equal prefixes unless `salted_from` says from which step on theirs are others.
struct PlantedStream {
  std::vector<int32_t> tokens;
  int32_t salted_from = 1 << 30;
  uint64_t salt = 1;
  EndReason end = EndReason::length;
};

class AuditBuilder {
 public:
  // Arms named after their kernel sets; trial 0, the prompt's solo, is there. Runs emit as many tokens as `solo` has.
  AuditBuilder(const std::vector<std::string>& kernel_sets, std::vector<int32_t> solo);

  // Adds a probe of the plan with its solo trial; returns its number.
  int32_t probe(int32_t context, int32_t steps);
  // Adds a trial of `runs` runs, then the probes, then `companions` companions; returns its id.
  int32_t trial(TrialKind kind, int32_t runs, int32_t companions, const std::vector<int32_t>& probes = {},
                Stratum stratum = Stratum::rows);
  // Adds the same sequences again.
  int32_t repeat_of(int32_t trial);

  // An attempt whose runs and probes, in plan order, made `streams`; those left out equal solo. `seconds` it took.
  void done(int32_t arm, int32_t trial, const std::vector<PlantedStream>& streams = {}, double seconds = 0.5);
  void failed(int32_t arm, int32_t trial, const std::string& why);
  // Every planned trial that no attempt was made at is done, equal to solo.
  void finish();

  // Gives a launch with this many rows its own sum order for `role` in `arm`; the anchor's output tells them apart if
  // `outputs_differ`. Without it every launch of a role has one order.
  void vary_sum_order(int32_t arm, const std::string& role, bool outputs_differ);

  // What a probe's stream is by default: 100 + step as best token.
  static PlantedStream probe_stream(int32_t steps, int32_t salted_from = 1 << 30);

  Audit audit;

 private:
  struct VaryingRole {
    int32_t arm;
    std::string role;
    bool outputs_differ;
  };
  int32_t stream(const PlantedStream& planted, SequenceKind kind);
  int32_t choice_set(int32_t arm, int32_t rows);
  int32_t add(Trial trial);

  std::vector<int32_t> solo_;
  std::vector<VaryingRole> varying_;
  int32_t runs_ = 0;
};

}  // namespace ra
