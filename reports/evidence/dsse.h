// DSSE envelopes (Dead Simple Signing Envelope, v1) around in-toto statements, and Sigstore's bundle of one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ra {

inline constexpr const char* kPayloadType = "application/vnd.in-toto+json";

// What is signed: "DSSEv1 " len(type) " " type " " len(body) " " body.
std::string pre_authentication_encoding(std::string_view type, std::string_view body);

struct EnvelopeSignature {
  std::string key_id;     // PublicKey::id()
  std::string signature;  // raw bytes
  bool operator==(const EnvelopeSignature&) const = default;
};

struct Envelope {
  std::string payload;                        // bytes, as they are signed
  std::vector<EnvelopeSignature> signatures;  // none: not signed
  bool operator==(const Envelope&) const = default;
};

// One line of JSON with its newline.
std::string envelope_line(const Envelope& envelope);
// Error(bad_input) "<name>: <found>; <expected>" for another payload type, members or encoding. Base64 may be of the
// standard alphabet or the URL-safe one.
Envelope parse_envelope(std::string_view line, const std::string& name);

// Sigstore bundle v0.3 of an envelope with one signature; with an RFC 3161 response where there is one.
std::string sigstore_bundle(const Envelope& envelope, const std::optional<std::string>& timestamp);

// RFC 4648, sections 4 and 5: padded, without blanks, unused bits zero. Absent for anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace ra
