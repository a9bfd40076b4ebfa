// Hashes: XXH3 (fast, identifies streams and logits) and SHA-256 (evidence).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace ra {

// XXH3-64 with seed 0.
uint64_t xxh3_64(std::span<const std::byte> bytes);

// XXH3-128 with seed 0; compares and prints high half first.
struct Hash128 {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};
Hash128 xxh3_128(std::span<const std::byte> bytes);

using Sha256Digest = std::array<uint8_t, 32>;

// SHA-256 fed in parts; finish() may be called once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  Sha256Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};
Sha256Digest sha256(std::string_view text);

// Lower-case hexadecimal, most significant digit first.
std::string hex(uint64_t value);
std::string hex(const Hash128& value);
std::string hex(const Sha256Digest& value);

// A token stream's digest: xxh3_128 over its ids as little-endian int32.
Hash128 token_hash(std::span<const int32_t> tokens);
// sha256("repro-audit.tokens.v1\0" || u32le(n) || u32le(id_0) ...): a stranger can recompute it.
Sha256Digest token_sha256(std::span<const int32_t> tokens);
// numerics.md rule 16, a run's digest: xxh3_128 over its steps' 8-byte digests, little endian.
Hash128 run_digest(std::span<const uint64_t> step_digests);

}  // namespace ra
