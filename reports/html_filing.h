// The report for filing: the page of html_report() with a cover, the methods, and the clauses that it is evidence relevant
// to. Made for A4 paper: nothing on it is folded away, and each printed page says what was tested and which audit it is
// of. No script and nothing from outside, as every page of ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/audit/analysis.h"
#include "core/audit/audit.h"

namespace ra {

struct ResponsiblePerson {
  std::string name;
  std::string role;  // "operator"; may be empty
};

// A clause, and what of an audit is evidence relevant to it. Words of clauses.toml, which is outside the program.
struct Clause {
  std::string framework;  // "NIST AI RMF 1.0"
  std::string clause;     // "MEASURE 2.1"
  std::string topic;      // what it is about, in a few words
  std::string evidence;
  std::vector<std::string> where;  // sections of the report, by their titles
};

struct ClauseList {
  std::string version;
  std::vector<Clause> clauses;
};

// What the report says besides the audit. Every string is untrusted.
struct FilingDetails {
  std::vector<ResponsiblePerson> responsible;
  // The signing key: SHA-256 of its public half as PEM, in hexadecimal. Absent: the report says that it is unsigned, on
  // every page.
  std::optional<std::string> key_id;
  // SHA-256 of the last line of the chained run records, in hexadecimal; empty: not stated.
  std::string run_chain_head;
  ClauseList clauses;
};

// The verdict by the policy is the finding's. Pure: the same values give the same bytes.
std::string filing_report(const Audit& audit, const Finding& finding, const FilingDetails& details);

}  // namespace ra
