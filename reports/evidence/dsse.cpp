#include "reports/evidence/dsse.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/json_values.h"
#include "core/printable.h"
#include "reports/escape.h"

namespace ra {
namespace {

constexpr JsonLimits kEnvelopeLimits{.max_depth = 4, .max_values = 64};

Json envelope_json(const Envelope& envelope) {
  return Json{
      Json::Object{{"payload", json::text(base64(envelope.payload))},
                   {"payloadType", json::text(kPayloadType)},
                   {"signatures", json::array(envelope.signatures, [](const EnvelopeSignature& signature) {
                      return Json{Json::Object{{"keyid", json::text(signature.key_id)},
                                               {"sig", json::text(base64(signature.signature))}}};
                    })}}};
}

// The values of an object's members, which are these in any order and no other.
std::vector<const Json*> members(const Json& json, const std::vector<const char*>& names,
                                 const std::string& where) {
  std::vector<const Json*> values;
  for (const char* name : names) {
    const Json* value = json.find(name);
    if (value == nullptr) throw Error(Exit::bad_input, where + ": no member " + name + "; expected one");
    values.push_back(value);
  }
  if (json.object(where).size() != names.size())
    throw Error(Exit::bad_input, where + ": members beside those of an envelope; expected none");
  return values;
}

std::string decoded(const Json& json, const std::string& where) {
  if (auto bytes = decode_base64(json.string(where))) return std::move(*bytes);
  throw Error(Exit::bad_input, where + ": no base64; expected padded base64");
}

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

std::string pre_authentication_encoding(std::string_view type, std::string_view body) {
  return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, body.size(), body);
}

std::string envelope_line(const Envelope& envelope) {
  return json_line(envelope_json(envelope));
}

Envelope parse_envelope(std::string_view line, const std::string& name) {
  const Json json = parse_json(line, name, kEnvelopeLimits);
  const auto parts = members(json, {"payload", "payloadType", "signatures"}, name);
  const std::string& type = parts[1]->string(name + ": payloadType");
  if (type != kPayloadType) {
    throw Error(Exit::bad_input,
                fmt::format("{}: payloadType \"{}\"; expected {}", name, printable(type), kPayloadType));
  }
  Envelope envelope{.payload = decoded(*parts[0], name + ": payload")};
  for (const Json& signature : parts[2]->array(name + ": signatures")) {
    const auto values = members(signature, {"keyid", "sig"}, name + ": signature");
    envelope.signatures.push_back({values[0]->string(name + ": keyid"), decoded(*values[1], name + ": sig")});
  }
  return envelope;
}

std::string sigstore_bundle(const Envelope& envelope, const std::optional<std::string>& timestamp) {
  check(envelope.signatures.size() == 1, "an envelope with one signature");
  Json::Object material = {
      {"publicKey", Json{Json::Object{{"hint", json::text(envelope.signatures[0].key_id)}}}},
      {"tlogEntries", Json{Json::Array{}}}};
  if (timestamp) {
    const Json response{Json::Object{{"signedTimestamp", json::text(base64(*timestamp))}}};
    material.push_back({"timestampVerificationData",
                        Json{Json::Object{{"rfc3161Timestamps", Json{Json::Array{response}}}}}});
  }
  return json_line(
      Json{Json::Object{{"mediaType", json::text("application/vnd.dev.sigstore.bundle.v0.3+json")},
                        {"verificationMaterial", Json{std::move(material)}},
                        {"dsseEnvelope", envelope_json(envelope)}}});
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool pads = i >= text.size() - padding;
    const int value = pads ? 0 : sextet(text[i]);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (i % 4 != 3) continue;
    const size_t kept = i + 1 == text.size() ? 3 - padding : 3;
    for (size_t byte = 0; byte < kept; ++byte) bytes += static_cast<char>(bits >> (16 - 8 * byte) & 0xff);
    if (kept < 3 && (bits & ((1U << (8 * (3 - kept))) - 1)) != 0) return std::nullopt;
    bits = 0;
  }
  return bytes;
}

}  // namespace ra
