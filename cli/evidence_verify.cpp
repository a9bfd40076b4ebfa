// repro-audit evidence verify: whether a bundle is what it says.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/evidence.h"
#include "cli/evidence_files.h"
#include "cli/evidence_key.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/json_values.h"
#include "core/llm/input_file.h"

namespace ra {
namespace {

constexpr size_t kMaxAuthorityBytes = 1 << 20;

struct VerifyOptions {
  std::optional<std::string> bundle, key, time_authority;
  bool json = false;
};

EvidenceVerdict verdict_of(const VerifyOptions& options) {
  VerifyRequest request;
  if (options.key) request.key = read_public_key(*options.key);
  if (options.time_authority)
    request.time_authority = InputFile::open(*options.time_authority).read_text(kMaxAuthorityBytes);
  try {
    return verify_as_program(read_bundle(*options.bundle).files, request);
  } catch (const Error& error) {
    if (error.status() != Exit::evidence) throw;
    return unreadable_evidence(error.what());
  }
}

std::string text_of(const EvidenceVerdict& verdict) {
  std::string text = verdict.scope.empty() ? "" : verdict.scope + "\n";
  for (const EvidenceCheck& check : verdict.checks)
    text += fmt::format("{:<12} {:<12} {}\n", check.name, name_of(check.state), check.sentence);
  return text + fmt::format("verdict: {}\n", verdict.verdict);
}

Json json_of(const EvidenceVerdict& verdict) {
  const auto check = [](const EvidenceCheck& made) {
    return Json{Json::Object{{"name", json::text(made.name)},
                             {"state", json::text(name_of(made.state))},
                             {"sentence", json::text(made.sentence)}}};
  };
  return Json{Json::Object{{"scope", json::text(verdict.scope)},
                           {"audit", json::text(verdict.audit)},
                           {"checks", json::array(verdict.checks, check)},
                           {"verdict", json::text(verdict.verdict)},
                           {"holds", Json{verdict.holds}}}};
}

int run_verify(const VerifyOptions& options) {
  if (!options.bundle)
    throw Error(Exit::usage, "no bundle; expected a folder or file that `evidence create` wrote");
  const EvidenceVerdict verdict = verdict_of(options);
  print(options.json ? json_text(json_of(verdict)) : text_of(verdict));
  return static_cast<int>(verdict.holds ? Exit::ok : Exit::evidence);
}

}  // namespace

Verb add_evidence_verify(CLI::App& evidence) {
  CLI::App* verb = evidence.add_subcommand("verify", "Check a bundle: one line a check, and a verdict");
  const auto options = std::make_shared<VerifyOptions>();
  add_text(*verb, "bundle", options->bundle, "A folder or file.tar that `evidence create` wrote",
           "DIR|FILE.tar");
  add_text(*verb, "--key", options->key, "The signer's public key, as you got it from the signer", "FILE");
  add_text(*verb, "--tsa-ca", options->time_authority, "Certificates (PEM) of who made the time stamp",
           "FILE");
  add_flag(*verb, "--json", options->json, "The same as JSON");
  verb->footer(
      "Without --key a signature shows nothing about who signed, and the verdict says so. Exit status 7 if a "
      "check "
      "failed.\n\nExample:\n  repro-audit evidence verify evidence.tar --key signer.pub.pem");
  return {verb, [options] { return run_verify(*options); }};
}

}  // namespace ra
