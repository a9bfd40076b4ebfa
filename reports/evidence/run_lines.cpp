#include "reports/evidence/run_lines.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "core/audit/outcomes.h"
#include "core/audit/store_codec.h"
#include "core/error.h"

namespace ra {
namespace {

struct RunFact {
  const SequenceFact& fact;
  const PlannedSequence& planned;
  const Stream& stream;
};

// Calls `each` with every run that was done, in the order of the plan. Ids and names are plain (is_plain_name), so that
// lines of them need no escapes.
void for_each_run(const Audit& audit, const std::function<void(const RunFact&)>& each) {
  std::map<std::pair<int32_t, int32_t>, std::vector<const SequenceFact*>>
      facts;  // (arm, trial), attempts ascending
  for (const SequenceFact& fact : audit.sequences) facts[{fact.arm, fact.trial}].push_back(&fact);
  for (const Turn& turn : audit.plan.order) {
    const Trial& trial = audit.plan.trials.at(static_cast<size_t>(turn.trial));
    for (const SequenceFact* fact : facts[{turn.arm, turn.trial}]) {
      const PlannedSequence& planned = trial.sequences.at(static_cast<size_t>(fact->sequence));
      if (planned.kind != SequenceKind::run) continue;
      each({*fact, planned, audit.streams.at(static_cast<size_t>(fact->stream))});
    }
  }
}

const std::string& arm_name(const Audit& audit, const SequenceFact& fact) {
  return audit.arms.at(static_cast<size_t>(fact.arm)).name;
}

std::string token_at(const Stream& stream, int32_t position) {
  const auto place = static_cast<size_t>(position);
  return place < stream.tokens.size() ? fmt::format("{}", stream.tokens[place]) : "null";
}

}  // namespace

RunLines run_lines(const Audit& audit) {
  RunLines lines{.head = kChainStart};
  for_each_run(audit, [&](const RunFact& run) {
    const std::string line = fmt::format(
        R"({{"audit":"{}","arm":"{}","run":{},"trial":{},"attempt":{},"tokenCount":{},"sha256":"{}","xxh3":"{}",)"
        R"("logitDigest":"{}","endReason":"{}","prevSha256":"{}"}})",
        audit.id, arm_name(audit, run.fact), run.planned.index, run.fact.trial, run.fact.attempt,
        run.stream.tokens.size(), run.stream.token_sha256, hex(run.stream.token_hash), hex(run.stream.digest),
        name_of(run.stream.end), lines.head);
    lines.text += line + "\n";
    lines.head = hex(sha256(line));
  });
  return lines;
}

std::string stream_lines(const Audit& audit) {
  std::string lines;
  std::set<std::string> seen;
  for_each_run(audit, [&](const RunFact& run) {
    if (!seen.insert(run.stream.token_sha256).second) return;
    lines += fmt::format("{{\"sha256\":\"{}\",\"tokens\":[{}]}}\n", run.stream.token_sha256,
                         fmt::join(run.stream.tokens, ","));
  });
  return lines;
}

std::string divergence_lines(const Audit& audit) {
  const Outcomes outcomes(audit);
  std::string lines;
  for_each_run(audit, [&](const RunFact& run) {
    const Stream* solo = outcomes.solo(run.fact.arm);
    if (solo == nullptr) return;
    const std::optional<int32_t> position = first_difference(*solo, run.stream);
    if (!position) return;
    lines += fmt::format(
        R"({{"audit":"{}","arm":"{}","run":{},"trial":{},"attempt":{},"position":{},"soloToken":{},"token":{},)"
        R"("soloSha256":"{}","sha256":"{}"}})"
        "\n",
        audit.id, arm_name(audit, run.fact), run.planned.index, run.fact.trial, run.fact.attempt, *position,
        token_at(*solo, *position), token_at(run.stream, *position), solo->token_sha256,
        run.stream.token_sha256);
  });
  return lines;
}

}  // namespace ra
