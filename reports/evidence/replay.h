// What others say who ran an audit again: signed statements that lie beside the bundle's own. Hashes alone do not show
// that anything ran; who repeats it shows it.
#pragma once

#include <cstdint>
#include <string>

#include "reports/evidence/bundle.h"
#include "reports/evidence/signing.h"

namespace ra {

inline constexpr const char* kReplayType = "https://repro-audit.example/attestation/replay/v1";

struct Replay {
  std::string name;                // who ran it
  int64_t streams = 0, equal = 0;  // streams that were made again, and those that were the same
};

// Adds statement/replays/<n>.json and <n>.pub.pem with the next number. Error(usage) after 99.
void attach_replay(BundleFiles& files, const Replay& replay, const PrivateKey& key);

// What the replays of a bundle say, in one sentence, each verified with the key beside it; "" without one. Error(evidence)
// at the first that is wrong.
std::string check_replays(const BundleFiles& files);

}  // namespace ra
