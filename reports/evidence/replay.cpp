#include "reports/evidence/replay.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/json_values.h"
#include "core/printable.h"
#include "reports/evidence/dsse.h"
#include "reports/evidence/stated.h"
#include "reports/evidence/statements.h"

namespace ra {
namespace {

constexpr int kMostReplays = 99;

std::string statement_file(int number) {
  return fmt::format("{}{}.json", kReplayFolder, number);
}
std::string key_file(int number) {
  return fmt::format("{}{}.pub.pem", kReplayFolder, number);
}

// The text of a replay's statement about this bundle.
std::string statement_of(const BundleFiles& files, const Replay& replay, const std::string& key_id) {
  const StatedEvidence stated = read_statements(files.at(kEnvelopes));
  return statement({resource(kSums, sha256_digest(hex(sha256(files.at(kSums)))))}, kReplayType,
                   Json{Json::Object{{"auditId", json::text(stated.audit_id)},
                                     {"runChainHead", sha256_digest(stated.head)},
                                     {"replayedBy", json::text(replay.name)},
                                     {"streams", json::integer(replay.streams)},
                                     {"streamsEqual", json::integer(replay.equal)},
                                     {"signer", Json{Json::Object{{"keyid", json::text(key_id)}}}}}});
}

Replay replay_in(const std::string& payload, const std::string& name) {
  const Json json = parse_json(payload, name, {.max_depth = 6, .max_values = 100});
  const Json* predicate = json.find("predicate");
  const auto member = [&](const char* key) -> const Json& {
    const Json* value = predicate == nullptr ? nullptr : predicate->find(key);
    if (value == nullptr) throw Error(Exit::evidence, fmt::format("{}: no {}; expected one", name, key));
    return *value;
  };
  return {member("replayedBy").string(name), member("streams").integer(name),
          member("streamsEqual").integer(name)};
}

std::string check_replay(const BundleFiles& files, int number) {
  const std::string name = statement_file(number);
  const auto fail = [&](const std::string& found, const std::string& expected) {
    throw Error(Exit::evidence, fmt::format("{}: {}; expected {}", name, found, expected));
  };
  const auto pem = files.find(key_file(number));
  if (pem == files.end()) fail("without " + key_file(number), "its key beside it");
  const PublicKey key = PublicKey::parse(pem->second, key_file(number));
  std::string line = files.at(name);
  if (line.ends_with('\n')) line.pop_back();
  const Envelope envelope = parse_envelope(line, name);
  if (envelope.signatures.size() != 1) fail("not one signature", "one");
  if (!key.verify(pre_authentication_encoding(kPayloadType, envelope.payload),
                  envelope.signatures[0].signature))
    fail("a signature that is not of " + key_file(number), "one");
  const Replay replay = replay_in(envelope.payload, name);
  if (replay.equal < 0 || replay.equal > replay.streams)
    fail(fmt::format("{} of {} streams", replay.equal, replay.streams), "no more than all of them");
  // What this program would write: any other text may say something else to somebody else.
  if (envelope.payload != statement_of(files, replay, key.id()) || pem->second != key.pem() ||
      envelope_line({envelope.payload, {{key.id(), envelope.signatures[0].signature}}}) != files.at(name))
    fail("a statement about another bundle, or in another form", "one about this bundle");
  return fmt::format("{} (key {}): {} of {} streams equal", replay.name, key.id(), replay.equal,
                     replay.streams);
}

}  // namespace

void attach_replay(BundleFiles& files, const Replay& replay, const PrivateKey& key) {
  int number = 1;
  while (files.contains(statement_file(number))) ++number;
  if (number > kMostReplays) throw Error(Exit::usage, "99 replays are attached; expected fewer");
  const std::string& id = key.public_key().id();
  const std::string payload = statement_of(files, replay, id);
  files[statement_file(number)] =
      envelope_line({payload, {{id, key.sign(pre_authentication_encoding(kPayloadType, payload))}}});
  files[key_file(number)] = key.public_key().pem();
}

std::string check_replays(const BundleFiles& files) {
  std::string sentence;
  for (int number = 1; number <= kMostReplays; ++number) {
    if (files.contains(statement_file(number))) {
      sentence += (sentence.empty() ? "replayed by " : "; by ") + check_replay(files, number);
    } else if (files.contains(key_file(number))) {
      throw Error(Exit::evidence, fmt::format("{}: without a statement; expected one", key_file(number)));
    }
  }
  return sentence.empty() ? "" : sentence + "; whose keys these are, only they show";
}

}  // namespace ra
