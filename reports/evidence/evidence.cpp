#include "reports/evidence/evidence.h"

#include "core/error.h"
#include "reports/evidence/inputs.h"
#include "reports/evidence/run_lines.h"
#include "reports/evidence/stated.h"
#include "reports/evidence/verify_page.h"
#include "reports/report.h"

namespace ra {

Evidence make_evidence(const Audit& audit, const Issue& issue, std::string database) {
  const Audit judged = judged_by(audit, issue.policy);
  return make_evidence(judged, analyze(judged), issue, std::move(database));
}

Evidence make_evidence(const Audit& judged, const Finding& finding, const Issue& issue,
                       std::string database) {
  const RunLines runs = run_lines(judged);
  Evidence evidence;
  BundleFiles& files = evidence.files;
  files[kReportJson] = json_report(judged, finding);
  files[kReportHtml] = filing_report(judged, finding,
                                     {.responsible = issue.responsible,
                                      .key_id = issue.key ? std::optional(issue.key->id()) : std::nullopt,
                                      .run_chain_head = runs.head,
                                      .clauses = issue.clauses});
  files[kClauses] = issue.clauses_toml;
  files[kRuns] = runs.text;
  files[kStreams] = stream_lines(judged);
  files[kDivergences] = divergence_lines(judged);
  files[kDatabase] = std::move(database);
  files[kPrompts] = prompts_file(judged);
  files[kModelManifest] = model_manifest(judged);
  files[kSettings] = settings_file(judged);
  files[kPolicy] = policy_toml(issue.policy);
  files[kFingerprint] = fingerprint_file(judged);
  files[kSums] = sums_of(files);
  evidence.test_result = test_result_statement(judged, finding, files);
  evidence.run_detail = run_statement(judged, finding, files, runs.head, issue);
  evidence.verify_page = verify_page(judged.id, finding.scope, files[kSums], runs.head, issue);
  return evidence;
}

Signatures sign(const Evidence& evidence, const PrivateKey& key) {
  return {key.sign(pre_authentication_encoding(kPayloadType, evidence.test_result)),
          key.sign(pre_authentication_encoding(kPayloadType, evidence.run_detail))};
}

BundleFiles statement_files(const Evidence& evidence, const Issue& issue,
                            const std::optional<Signatures>& signatures,
                            const std::optional<std::string>& timestamp) {
  check(!signatures || issue.key.has_value(), "a key of the signatures");
  Envelope test_result{.payload = evidence.test_result}, run_detail{.payload = evidence.run_detail};
  if (signatures) {
    test_result.signatures = {{issue.key->id(), signatures->test_result}};
    run_detail.signatures = {{issue.key->id(), signatures->run_detail}};
  }
  BundleFiles files;
  files[kEnvelopes] = envelope_line(test_result) + envelope_line(run_detail);
  if (signatures) files[kSigstore] = sigstore_bundle(run_detail, timestamp);
  if (timestamp) files[kTimestamp] = *timestamp;
  if (issue.key) files[kSignerKey] = issue.key->pem();
  files[kVerifyPage] = evidence.verify_page;
  return files;
}

namespace {

// The statement's files anew, with these signatures and this time stamp.
void replace_statement(BundleFiles& files, const StatedEvidence& stated, const Signatures& signatures,
                       const std::optional<std::string>& timestamp) {
  const auto key = files.find(kSignerKey);
  if (!stated.key_id || key == files.end())
    throw Error(Exit::bad_input,
                "the bundle was made without a key; expected one made with --key or --public-key");
  const Evidence evidence{{}, stated.test_result.payload, stated.run_detail.payload, files[kVerifyPage]};
  Issue issue;
  issue.key = PublicKey::parse(key->second, kSignerKey);
  for (auto& [name, bytes] : statement_files(evidence, issue, signatures, timestamp))
    files[name] = std::move(bytes);
}

}  // namespace

void attach_signatures(BundleFiles& files, const Signatures& signatures) {
  replace_statement(files, read_statements(files[kEnvelopes]), signatures, std::nullopt);
}

void attach_timestamp(BundleFiles& files, const std::string& timestamp) {
  const StatedEvidence stated = read_statements(files[kEnvelopes]);
  if (stated.test_result.signatures.size() != 1 || stated.run_detail.signatures.size() != 1)
    throw Error(Exit::bad_input, "the bundle is not signed; expected a signature that a time stamp is about");
  replace_statement(files, stated,
                    {stated.test_result.signatures[0].signature, stated.run_detail.signatures[0].signature},
                    timestamp);
}

}  // namespace ra
