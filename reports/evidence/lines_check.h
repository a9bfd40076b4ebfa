// Checks of a bundle's lines that need nothing but them.
#pragma once

#include <cstdint>
#include <string>

namespace ra {

struct LinesFound {
  int64_t lines = 0;
  std::string head;  // of runs.ndjson
};

// Whether every line of `runs` has the SHA-256 of the line before it. Error(evidence) "results/runs.ndjson: line <n>: ...".
LinesFound check_chain(const std::string& runs);

// Whether every stream of `streams` has the digest beside it, once, and those of `runs` are these. Error(evidence).
LinesFound check_streams(const std::string& streams, const std::string& runs);

}  // namespace ra
