// repro-audit evidence: an audit as a bundle that others check without trusting this program.
#include "cli/evidence.h"

#include <algorithm>

#include "cli/arguments.h"
#include "cli/clauses_file.h"
#include "cli/policy_file.h"
#include "cli/version.h"

namespace ra {

EvidenceVerdict verify_as_program(const BundleFiles& files, VerifyRequest request) {
  request.version = program_version();
  request.read_policy = [](const auto& toml, const auto& name) { return read_policy(toml, kPolicy, name); };
  request.read_clauses = [](const auto& toml) { return parse_clauses(toml, kClauses); };
  return verify_evidence(files, request);
}

Verb add_evidence(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("evidence", "Make a bundle that others check, check one, or add to one");
  verb->require_subcommand(1);
  const std::vector<Verb> parts = {add_evidence_create(*verb), add_evidence_verify(*verb),
                                   add_evidence_attach(*verb)};
  verb->footer(
      "Examples:\n  repro-audit evidence create latest -o evidence.tar --key key.pem\n"
      "  repro-audit evidence verify evidence.tar --key signer.pub.pem");
  return {verb, [parts] {
            const auto chosen =
                std::find_if(parts.begin(), parts.end(), [](const Verb& part) { return part.app->parsed(); });
            return chosen->run();
          }};
}

}  // namespace ra
