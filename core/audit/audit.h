// An audit's facts, as the database holds them: what was planned and what happened. Findings follow from it
// (analysis.h) and are never stored as the only copy of a fact.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/plan.h"
#include "core/hash.h"
#include "core/subject.h"

namespace ra {

// What was audited, in words and hashes; sorted name -> value pairs where only reports read them.
struct AuditSubject {
  std::string model_name;                    // file or folder name
  std::string model_sha256;                  // of the file, or of the list of files
  std::map<std::string, std::string> model;  // family, layers, ..., chat format; kModelFile + name -> SHA-256
  std::map<std::string, std::string> settings;  // what the command line resolved to
  std::string prompt_text;                      // as given
  std::string prompt_sha256;
  std::vector<std::string> prompt_pieces;  // one a prompt token: its bytes
};

// The facts of a model that are of its files, each of which was read: their names begin so. Audits of versions before had
// none.
inline constexpr std::string_view kModelFile = "file ";

struct Arm {
  int32_t id = 0;
  std::string name;
  SubjectFacts facts;
};

// A distinct stream with what was seen while it was made; runs and probes that agree in all of it share one.
struct Stream {
  std::vector<int32_t> tokens;  // empty for probes
  std::vector<StepRecord> steps;
  EndReason end = EndReason::length;
  Hash128 token_hash;        // of tokens
  std::string token_sha256;  // of tokens
  Hash128 digest;            // over the steps' digests
};

// One run or probe of one attempt at a trial.
struct SequenceFact {
  int32_t arm = 0;
  int32_t trial = 0;
  int32_t attempt = 0;
  int32_t sequence = 0;  // its place in the trial's plan
  int32_t stream = 0;    // index into Audit::streams
  std::string chain;     // SHA-256 of its canonical line, which includes the previous line's
};

enum class Outcome : uint8_t { done, failed };

// One attempt at one turn of the plan.
struct Attempt {
  int32_t arm = 0;
  int32_t trial = 0;
  int32_t attempt = 0;  // 0, then retries
  Outcome outcome = Outcome::done;
  std::string failure;
  double seconds = 0;
  std::vector<LaunchRecord> launches;  // choice_set: index into Audit::choice_sets
};

// What one process did of an audit: the one that began it, or one that resumed it.
struct Segment {
  std::string started;  // UTC, ISO 8601
  std::string tool;
};

struct Audit {
  std::string id;       // unique, sortable by creation
  std::string created;  // UTC, ISO 8601
  std::string tool;     // version of this program
  std::vector<Segment> segments;
  AuditSubject subject;
  Plan plan;
  std::vector<Arm> arms;
  std::vector<ChoiceSetRecord> choice_sets;
  std::vector<Attempt> attempts;  // in the order they were committed
  std::vector<Stream> streams;
  std::vector<SequenceFact> sequences;
  // token id -> its bytes, for every id that a report shows (prompt, tops and tokens of the streams)
  std::map<int32_t, std::string> pieces;
};

}  // namespace ra
