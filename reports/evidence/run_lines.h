// The canonical lines about an audit's runs: what a stranger can recompute without this program.
#pragma once

#include <string>

#include "core/audit/audit.h"

namespace ra {

struct RunLines {
  std::string text;  // a line of JSON each
  std::string head;  // SHA-256 (hex) of the last line without its newline; 64 zeros without a line
};

// A line for every run that was done, in the order of the plan: turn by turn, in a turn by attempt and by place in the
// trial. Those of solos and repeats, which are outside the N, have run -1. Probes and companions are no runs. Each line
// has the SHA-256 of the line before it, the first one 64 zeros.
RunLines run_lines(const Audit& audit);

// The distinct token lists of these runs, in the order in which run_lines first has them: {"sha256":...,"tokens":[...]}.
std::string stream_lines(const Audit& audit);

// Where each of these runs first differs from its arm's solo, if it does: position, both tokens (null: the stream has
// ended there) and both digests.
std::string divergence_lines(const Audit& audit);

}  // namespace ra
