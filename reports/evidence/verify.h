// Checks a bundle that may come from anyone. Nothing in it is believed: what it says is computed again from its copy of
// the database, and that from its tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reports/evidence/bundle.h"
#include "reports/evidence/statements.h"

namespace ra {

struct VerifyRequest {
  std::optional<PublicKey> key;               // the signer's, from outside; absent: that of the bundle
  std::optional<std::string> time_authority;  // certificates (PEM) of who made the time stamp
  std::string version;                        // of this program
  // What TOML says; Error where it is none of its kind.
  std::function<Policy(const std::string& toml, const std::string& policy_name)> read_policy;
  std::function<ClauseList(const std::string& toml)> read_clauses;
};

enum class CheckState : uint8_t { passed, failed, skipped };

struct EvidenceCheck {
  std::string name;
  CheckState state = CheckState::passed;
  std::string sentence;  // one line, printable
};

struct EvidenceVerdict {
  std::vector<EvidenceCheck> checks;
  std::string scope;    // what was tested and what was not; empty where the bundle's database cannot be read
  std::string audit;    // its id, where the statement has one
  std::string verdict;  // one sentence
  bool holds = false;   // no check failed
};

// Throws nothing for what is wrong with the bundle: that is a check that failed.
EvidenceVerdict verify_evidence(const BundleFiles& files, const VerifyRequest& request);

// Of a bundle whose files could not even be read: one check, "layout", that failed.
EvidenceVerdict unreadable_evidence(const std::string& why);

const char* name_of(CheckState state);

}  // namespace ra
