#include "tests/reports/evidence/bundle_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fstream>

#include "cli/clauses_file.h"
#include "cli/policy_file.h"
#include "core/audit/store.h"
#include "core/audit/store_codec.h"
#include "core/audit/store_copy.h"
#include "core/error.h"
#include "tests/support/chained_audit.h"
#include "tests/support/golden.h"
#include "tests/support/scripted_audit.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

constexpr const char* kVersion = "test";

std::string pem_of(EVP_PKEY* key) {
  BIO* out = BIO_new(BIO_s_mem());
  check(key != nullptr && PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "a key");
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  const std::string pem(data, static_cast<size_t>(size));
  BIO_free(out);
  EVP_PKEY_free(key);
  return pem;
}

}  // namespace

std::string ed25519_pem(int number) {
  const std::string seed(32, static_cast<char>(number));
  return pem_of(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
}
std::string p256_pem() {
  return pem_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
}
PrivateKey ed25519_key(int number) {
  return PrivateKey::parse(ed25519_pem(number), std::nullopt, "key");
}

Audit with_chain(Audit audit) {
  std::map<std::string, int32_t> known;  // equal streams are stored once
  std::vector<int32_t> places;
  std::vector<Stream> streams;
  for (Stream& stream : audit.streams) {
    const auto [at, is_new] = known.try_emplace(content_sha256(stream), static_cast<int32_t>(streams.size()));
    if (is_new) streams.push_back(std::move(stream));
    places.push_back(at->second);
  }
  audit.streams = std::move(streams);
  for (SequenceFact& fact : audit.sequences) fact.stream = places.at(static_cast<size_t>(fact.stream));
  const std::string id = audit.id;
  rename_audit(audit, id);  // the same one: for the chain that belongs to it
  return audit;
}

const Audit& eventful_audit() {
  static const Audit audit = [] {
    Script script;
    script.run_token = {{3, 4}, {5, 4}, {9, 7}};
    script.failing_trials = {5};
    script.stop_at = 9;
    ScriptedAudit scripted = scripted_audit(scripted_spec(), script);
    scripted.audit.id = "20261122T080000Z-cafe";
    scripted.audit.subject.model_name = "Modèle";
    scripted.audit.created = "2026-11-22T08:00:00Z";
    const TemporaryFolder folder;
    Store store = Store::open_writer(folder / "audits.db");
    store.create(scripted.audit);
    run_audit(scripted.audit, scripted.arms(), store, scripted_options());
    return store.load(scripted.audit.id);
  }();
  return audit;
}

Issue issue_of(const Audit& audit, const PrivateKey* key) {
  Issue issue{.creator = kVersion, .policy = policy_of(audit.subject.settings)};
  if (key != nullptr) issue.key = key->public_key();
  issue.clauses_toml = read_file(RA_SOURCE "/reports/clauses.toml");
  issue.clauses = parse_clauses(issue.clauses_toml, "clauses.toml");
  return issue;
}

BundleFiles bundle_of(const Audit& audit, const PrivateKey* key) {
  return bundle_of(audit, issue_of(audit, key), key);
}

BundleFiles bundle_of(const Audit& audit, const Issue& issue, const PrivateKey* key) {
  const Evidence evidence = make_evidence(audit, issue, database_of(audit));
  BundleFiles files = evidence.files;
  files.merge(
      statement_files(evidence, issue, key != nullptr ? std::optional(sign(evidence, *key)) : std::nullopt));
  return files;
}

VerifyRequest request_with(const PrivateKey* key) {
  VerifyRequest request{
      .version = kVersion,
      .read_policy = [](const auto& toml, const auto& name) { return read_policy(toml, kPolicy, name); },
      .read_clauses = [](const auto& toml) { return parse_clauses(toml, kClauses); }};
  if (key != nullptr) request.key = key->public_key();
  return request;
}

std::set<std::string> failed_checks(const BundleFiles& files, const VerifyRequest& request) {
  std::set<std::string> names;
  for (const EvidenceCheck& check : verify_evidence(files, request).checks) {
    if (check.state == CheckState::failed) names.insert(check.name);
  }
  return names;
}

std::string told(const EvidenceVerdict& verdict) {
  std::string text;
  for (const EvidenceCheck& check : verdict.checks)
    text += check.name + " " + name_of(check.state) + " " + check.sentence + "\n";
  return text + verdict.verdict;
}

}  // namespace ra
