#include "cli/evidence_key.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "cli/arguments.h"
#include "core/error.h"
#include "core/llm/input_file.h"
#include "core/printable.h"

namespace ra {
namespace {

constexpr size_t kMaxKeyBytes = 64 << 10, kMaxPassphraseBytes = 1024;

// A file with a secret: its owner's alone.
std::string read_secret(const std::string& path, bool allow_insecure) {
  const InputFile file = InputFile::open(path);
  const uint32_t mode = file.mode();
  if ((mode & 077) != 0 && !allow_insecure) {
    throw Error(Exit::usage,
                fmt::format("{}: mode {:04o}, which others may read or write; expected 0600 (`chmod 600`), "
                            "or --allow-insecure-key",
                            file.name(), mode));
  }
  return file.read_text(kMaxKeyBytes);
}

std::string read_descriptor(int descriptor) {
  std::string text;
  std::array<char, kMaxPassphraseBytes> part{};
  for (;;) {
    const ssize_t bytes = read(descriptor, part.data(), part.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0)
      throw Error(Exit::usage, fmt::format("--passphrase-fd {}: {}; expected an open descriptor", descriptor,
                                           strerror(errno)));
    text.append(part.data(), static_cast<size_t>(bytes));
    if (bytes == 0 || text.size() > kMaxPassphraseBytes) return text;
  }
}

std::optional<std::string> read_passphrase(const KeyOptions& options) {
  if (options.passphrase_file && options.passphrase_fd)
    throw Error(Exit::usage, "--passphrase-file and --passphrase-fd; expected one of them");
  if (!options.passphrase_file && !options.passphrase_fd) return std::nullopt;
  std::string text = options.passphrase_file ? read_secret(*options.passphrase_file, options.allow_insecure)
                                             : read_descriptor(*options.passphrase_fd);
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty() || text.size() > kMaxPassphraseBytes)
    throw Error(Exit::usage,
                fmt::format("a passphrase of {} bytes; expected 1 to {}", text.size(), kMaxPassphraseBytes));
  return text;
}

}  // namespace

void declare_key(CLI::App& verb, KeyOptions& options) {
  add_text(verb, "--key", options.key, "Sign with this private key: PEM, P-256 or Ed25519", "FILE");
  add_text(verb, "--passphrase-file", options.passphrase_file, "The key's passphrase is in this file",
           "FILE");
  add_number(verb, "--passphrase-fd", options.passphrase_fd, 0, 1023, "Read it from this descriptor instead");
  add_flag(verb, "--allow-insecure-key", options.allow_insecure,
           "Take files of secrets that others may read");
}

std::optional<PrivateKey> read_private_key(const KeyOptions& options) {
  if (!options.key) {
    if (options.passphrase_file || options.passphrase_fd || options.allow_insecure)
      throw Error(Exit::usage, "a passphrase or --allow-insecure-key without --key; expected --key FILE");
    return std::nullopt;
  }
  std::string pem = read_secret(*options.key, options.allow_insecure);
  std::optional<std::string> passphrase = read_passphrase(options);
  PrivateKey key = PrivateKey::parse(pem, passphrase, *options.key);
  wipe(pem);
  if (passphrase) wipe(*passphrase);
  return key;
}

PublicKey read_public_key(const std::string& path) {
  return PublicKey::parse(InputFile::open(path).read_text(kMaxKeyBytes), path);
}

}  // namespace ra
