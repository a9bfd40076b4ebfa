// Start-up certification: a kernel set shows on the model's own weights and shapes, on this machine, that an
// anchor row's bits do not depend on what shares the launch. No vendor promises that, so it is measured every
// time.
#pragma once

#include <map>
#include <string>

#include "kernels/ops.h"

namespace ra {

struct Certificate {
  std::string summary;  // what was tried: "21 row counts up to 257, 3 places, 3 chunkings: equal bits"
  // role -> (sum order -> hex XXH3-64 of the anchor row's output from equal inputs)
  std::map<std::string, std::map<std::string, std::string>> outputs;
  double seconds = 0;
};

// Runs layer 0 (of an opaque set: the first layers) and the head with the anchor row alone, then among fillers
// at many row counts and places. After each operation the anchor's row is put back to what it was alone, so
// that every operation is judged by equal inputs. A set whose sum-order class is not "opaque" must give equal
// bits everywhere, chunked prefill included: otherwise Error(device) names the operation and the launch. For
// an opaque set the outputs are only recorded. Reserves its own capacity: the caller reserves again afterwards.
Certificate certify(Ops& ops, const KernelSet& set);

}  // namespace ra
