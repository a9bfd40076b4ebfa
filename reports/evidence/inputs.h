// What a bundle says went into an audit: prompt, model, settings, policy, environment. Each function makes one file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/audit/audit.h"
#include "core/audit/policy.h"

namespace ra {

struct ModelFile {
  std::string name;
  std::string sha256;  // hex
};

// The files of the model that were read, by name; none where the audit was made before they were recorded.
std::vector<ModelFile> model_files(const Audit& audit);

// OpenSSF Model Signing v1.0, method "files": SHA-256 over the raw SHA-256 of every file, in the order of the names' code
// points. Absent without files. Error(bad_input) where a digest is none.
std::optional<std::string> model_root_digest(const std::vector<ModelFile>& files);

// What the audit's SHA-256 of its model must be by these files: of one its own, of several that of the lines of sha256sum;
// with dummy weights (setting dummy_weights) that of this and the seed.
std::string model_sha256_of(const std::vector<ModelFile>& files,
                            const std::map<std::string, std::string>& settings);

std::string prompts_file(const Audit& audit);
std::string model_manifest(const Audit& audit);
std::string settings_file(const Audit& audit);
std::string fingerprint_file(const Audit& audit);

// The policy as the TOML that `--policy FILE` takes. Arms' names are plain.
std::string policy_toml(const Policy& policy);

// The audit as it is judged by this policy: its own, or another one in its place.
Audit judged_by(Audit audit, const Policy& policy);

}  // namespace ra
