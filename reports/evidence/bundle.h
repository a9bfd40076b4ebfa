// A bundle of evidence: files by name, and the list of their digests. man/repro-audit-evidence.5 documents it.
#pragma once

#include <map>
#include <string>

namespace ra {

// Relative path with '/' -> content. A map's order is the bundle's: by bytes, as LC_ALL=C sorts.
using BundleFiles = std::map<std::string, std::string>;

inline constexpr const char* kSums = "SHA256SUMS";
inline constexpr const char* kReportJson = "results/report.json";
inline constexpr const char* kReportHtml = "results/report.html";
inline constexpr const char* kRuns = "results/runs.ndjson";
inline constexpr const char* kStreams = "results/streams.ndjson";
inline constexpr const char* kDivergences = "results/divergences.ndjson";
inline constexpr const char* kDatabase = "results/audit.sqlite";
inline constexpr const char* kPrompts = "inputs/prompts.ndjson";
inline constexpr const char* kModelManifest = "inputs/model-manifest.json";
inline constexpr const char* kSettings = "inputs/settings.json";
inline constexpr const char* kClauses = "inputs/clauses.toml";
inline constexpr const char* kPolicy = "inputs/policy.toml";
inline constexpr const char* kFingerprint = "env/fingerprint.json";
inline constexpr const char* kEnvelopes = "statement/audit.intoto.jsonl";
inline constexpr const char* kSigstore = "statement/audit.sigstore.json";
inline constexpr const char* kSignerKey = "statement/signer.pub.pem";
inline constexpr const char* kTimestamp = "statement/audit.tsr";
inline constexpr const char* kVerifyPage = "statement/VERIFY.md";

// Everything below it is about the files of SHA256SUMS, and not listed there.
inline constexpr const char* kReplayFolder = "statement/replays/";
inline constexpr const char* kStatementFolder = "statement/";

// What every bundle has.
inline constexpr const char* kRequiredFiles[] = {
    kClauses,     kSums,       kFingerprint, kModelManifest, kPolicy,  kPrompts,    kSettings, kDatabase,
    kDivergences, kReportHtml, kReportJson,  kRuns,          kStreams, kVerifyPage, kEnvelopes};
// What it may have besides, and those of replays: statement/replays/1.json, 1.pub.pem, 2.json, ...
inline constexpr const char* kOptionalFiles[] = {kSigstore, kSignerKey, kTimestamp};

// Whether a bundle may have a file, or a folder, of this name.
bool is_bundle_file(const std::string& name);
bool is_bundle_folder(const std::string& name);

// The lines of sha256sum over all files but SHA256SUMS and those of the statement.
std::string sums_of(const BundleFiles& files);

}  // namespace ra
