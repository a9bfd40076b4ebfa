#include "reports/evidence/signing.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cstring>

#include "core/error.h"
#include "core/hash.h"
#include "core/printable.h"

namespace ra {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

[[noreturn]] void refuse(const std::string& name, const std::string& found, const std::string& expected) {
  ERR_clear_error();
  throw Error(Exit::usage, printable(name, 300) + ": " + found + "; expected " + expected);
}

Bio reader(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

std::string text_parameter(const EVP_PKEY* key, const char* name) {
  std::array<char, 80> text{};
  size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, name, text.data(), text.size(), &size) == 1
             ? std::string(text.data(), size)
             : "";
}

KeyKind kind_of(const EVP_PKEY* key, const std::string& name) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyKind::ed25519;
  if (EVP_PKEY_is_a(key, "EC") != 1) {
    const char* type = EVP_PKEY_get0_type_name(key);
    refuse(name, std::string("a key of type ") + (type == nullptr ? "unknown" : type),
           "a P-256 or Ed25519 key");
  }
  const std::string group = text_parameter(key, OSSL_PKEY_PARAM_GROUP_NAME);
  // A curve that is written out instead of named has another PEM, and so another id.
  if (group != "prime256v1" || text_parameter(key, OSSL_PKEY_PARAM_EC_ENCODING) != "named_curve")
    refuse(name, "a key on the curve " + (group.empty() ? "of its own" : group), "a P-256 or Ed25519 key");
  return KeyKind::p256;
}

std::string public_pem(EVP_PKEY* key) {
  const Bio out(BIO_new(BIO_s_mem()), BIO_free);
  check(out && PEM_write_bio_PUBKEY(out.get(), key) == 1, "OpenSSL to write a public key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

struct Passphrase {
  const std::optional<std::string>& text;
  bool asked = false;
};

int give_passphrase(char* buffer, int size, int /*writing*/, void* data) {
  auto* passphrase = static_cast<Passphrase*>(data);
  passphrase->asked = true;
  if (!passphrase->text || passphrase->text->size() > static_cast<size_t>(size)) return -1;
  std::memcpy(buffer, passphrase->text->data(), passphrase->text->size());
  return static_cast<int>(passphrase->text->size());
}

const EVP_MD* digest_of(KeyKind kind) {
  return kind == KeyKind::p256 ? EVP_sha256() : nullptr;  // Ed25519 hashes by itself
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

PublicKey::PublicKey(std::shared_ptr<evp_pkey_st> key, const std::string& name)
    : key_(std::move(key)),
      kind_(kind_of(key_.get(), name)),
      pem_(public_pem(key_.get())),
      id_(hex(sha256(pem_))) {}

PublicKey PublicKey::parse(const std::string& pem, const std::string& name) {
  const Bio in = reader(pem);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (!key) refuse(name, "no public key", "PEM with BEGIN PUBLIC KEY, of a P-256 or Ed25519 key");
  return {std::move(key), name};
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  check(context && EVP_DigestVerifyInit(context.get(), nullptr, digest_of(kind_), nullptr, key_.get()) == 1,
        "OpenSSL to begin a verification");
  const int verified = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                        bytes_of(message), message.size());
  ERR_clear_error();
  return verified == 1;
}

PrivateKey PrivateKey::parse(const std::string& pem, const std::optional<std::string>& passphrase,
                             const std::string& name) {
  const Bio in = reader(pem);
  Passphrase given{passphrase};
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, give_passphrase, &given),
                                EVP_PKEY_free);
  if (!key && given.asked)
    refuse(name, passphrase ? "another passphrase" : "an encrypted key and no passphrase",
           "the right one by --passphrase-file or --passphrase-fd");
  if (!key) refuse(name, "no private key", "PEM of a P-256 or Ed25519 private key");
  return PrivateKey(PublicKey(std::move(key), name));
}

std::string PrivateKey::sign(std::string_view message) const {
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY* key = public_key_.key_.get();
  size_t size = 0;
  check(context &&
            EVP_DigestSignInit(context.get(), nullptr, digest_of(public_key_.kind()), nullptr, key) == 1 &&
            EVP_DigestSign(context.get(), nullptr, &size, bytes_of(message), message.size()) == 1,
        "OpenSSL to begin a signature");
  std::string signature(size, '\0');
  check(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes_of(message), message.size()) == 1,
        "OpenSSL to sign");
  signature.resize(size);
  return signature;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace ra
