// Keys and signatures, by OpenSSL 3: ECDSA on P-256 with SHA-256 (ASN.1 DER) and Ed25519 (64 bytes). Any other key is
// refused with Error(usage) "<name>: <found>; expected a P-256 or Ed25519 key".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace ra {

enum class KeyKind : uint8_t { p256, ed25519 };

class PublicKey {
 public:
  // `pem` has one "BEGIN PUBLIC KEY"; `name` is for messages.
  static PublicKey parse(const std::string& pem, const std::string& name);

  KeyKind kind() const { return kind_; }
  const std::string& pem() const { return pem_; }  // as `openssl pkey -pubout` writes it
  const std::string& id() const { return id_; }    // SHA-256 (hex) of pem()
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  friend class PrivateKey;
  PublicKey(std::shared_ptr<evp_pkey_st> key, const std::string& name);

  std::shared_ptr<evp_pkey_st> key_;
  KeyKind kind_ = KeyKind::p256;
  std::string pem_, id_;
};

class PrivateKey {
 public:
  // Error(usage) if it is encrypted and there is no passphrase or another one: nobody is asked for it.
  static PrivateKey parse(const std::string& pem, const std::optional<std::string>& passphrase,
                          const std::string& name);

  const PublicKey& public_key() const { return public_key_; }
  // An Ed25519 signature is a function of key and message; one of P-256 is not.
  std::string sign(std::string_view message) const;

 private:
  explicit PrivateKey(PublicKey public_key) : public_key_(std::move(public_key)) {}

  PublicKey public_key_;  // its key_ has the private part too
};

// Overwrites what was secret.
void wipe(std::string& secret);

}  // namespace ra
