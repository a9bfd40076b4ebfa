#include "core/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include "core/error.h"

namespace ra {
namespace {

std::string hex_bytes(const uint8_t* bytes, size_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(count * 2);
  for (size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i)
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

uint64_t xxh3_64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 xxh3_128(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check(context_->md != nullptr && EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) == 1,
        "OpenSSL to provide SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1, "SHA-256 to accept bytes");
}
void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text)));
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(context_->md, digest.data(), &size) == 1 && size == digest.size(),
        "SHA-256 to finish with 32 bytes");
  return digest;
}

Sha256Digest sha256(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}

std::string hex(uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(value >> (56 - 8 * i));
  return hex_bytes(bytes, 8);
}
std::string hex(const Hash128& value) {
  return hex(value.high) + hex(value.low);
}
std::string hex(const Sha256Digest& value) {
  return hex_bytes(value.data(), value.size());
}

Hash128 token_hash(std::span<const int32_t> tokens) {
  std::string bytes;
  for (int32_t id : tokens) append_little_endian(bytes, id);
  return xxh3_128(bytes_of(bytes));
}

Sha256Digest token_sha256(std::span<const int32_t> tokens) {
  std::string bytes("repro-audit.tokens.v1");
  bytes += '\0';
  append_little_endian(bytes, static_cast<uint32_t>(tokens.size()));
  for (int32_t id : tokens) append_little_endian(bytes, id);
  return sha256(bytes);
}

Hash128 run_digest(std::span<const uint64_t> step_digests) {
  std::string bytes;
  for (uint64_t digest : step_digests) append_little_endian(bytes, digest);
  return xxh3_128(bytes_of(bytes));
}

}  // namespace ra
