// Keys that a command line names. A secret comes from a file or a descriptor, never from an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reports/evidence/signing.h"

namespace CLI {
class App;
}

namespace ra {

struct KeyOptions {
  std::optional<std::string> key, passphrase_file;
  std::optional<int32_t> passphrase_fd;
  bool allow_insecure = false;
};

// Declares --key, --passphrase-file, --passphrase-fd and --allow-insecure-key; `options` outlives it.
void declare_key(CLI::App& verb, KeyOptions& options);

// Absent without --key. Error(usage) for a file that others may read, an encrypted key without its passphrase, or another
// kind of key than P-256 and Ed25519; Error(bad_input) for one that cannot be read.
std::optional<PrivateKey> read_private_key(const KeyOptions& options);

PublicKey read_public_key(const std::string& path);

}  // namespace ra
