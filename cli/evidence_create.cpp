// repro-audit evidence create: an audit as a bundle.
#include <fmt/format.h>

#include <algorithm>

#include "cli/arguments.h"
#include "cli/clauses_file.h"
#include "cli/config.h"
#include "cli/evidence.h"
#include "cli/evidence_files.h"
#include "cli/evidence_key.h"
#include "cli/locations.h"
#include "cli/named_audits.h"
#include "cli/output_file.h"
#include "cli/policy_file.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "core/audit/store.h"
#include "core/audit/store_copy.h"
#include "core/error.h"
#include "core/printable.h"
#include "core/utf8.h"
#include "reports/evidence/evidence.h"
#include "reports/words.h"

namespace ra {
namespace {

constexpr size_t kMaxPersonBytes = 200, kMaxClausesBytes = 1 << 20;

struct CreateOptions {
  std::optional<std::string> id, output, public_key, signer_name, signer_role, policy, clauses, pae_out,
      database;
  KeyOptions key;
  bool force = false;
};

// Error(usage) for what contradicts itself, before anything is read.
void check_options(const CreateOptions& options) {
  const auto refuse = [](const char* message) { throw Error(Exit::usage, message); };
  if (!options.id || !options.output)
    refuse("an audit and a bundle are needed; expected `repro-audit evidence create latest -o evidence.tar`");
  if (options.key.key && options.public_key) refuse("--key and --public-key; expected one of them");
  if (options.pae_out.has_value() != options.public_key.has_value())
    refuse(
        "--pae-out and --public-key belong together: what another signs with a key that is not here; "
        "expected both");
  if (options.signer_role && !options.signer_name)
    refuse("--signer-role without --signer-name; expected both");
  for (const auto& text : {options.signer_name, options.signer_role}) {
    const bool fits = !text || (!text->empty() && text->size() <= kMaxPersonBytes &&
                                valid_utf8_prefix(*text) == text->size() && printable(*text, 4096) == *text);
    if (!fits) refuse("--signer-name or --signer-role; expected a line of at most 200 bytes of UTF-8");
  }
}

std::string pae_path(const std::string& prefix, const char* statement) {
  return fmt::format("{}.{}.pae", prefix, statement);
}

Issue issue_of(const CreateOptions& options, const Audit& audit, const std::optional<PrivateKey>& key) {
  Issue issue{.creator = program_version()};
  issue.policy = options.policy ? find_policy(*options.policy) : policy_of(audit.subject.settings);
  for (const auto& [arm, rules] : issue.policy.arms) one_of("--policy, arms", arm, audit.plan.spec.arms);
  const std::string clauses = options.clauses.value_or(installed_clauses());
  issue.clauses_toml = read_text(clauses, kMaxClausesBytes);
  issue.clauses = parse_clauses(issue.clauses_toml, clauses);
  if (key) issue.key = key->public_key();
  if (options.public_key) issue.key = read_public_key(*options.public_key);
  if (options.signer_name)
    issue.responsible = {{*options.signer_name, options.signer_role.value_or("operator")}};
  return issue;
}

int run_create(const CreateOptions& options) {
  check_options(options);
  check_bundle_output(*options.output, options.force);
  const std::string database = database_path(options.database, read_config(config_path()));
  for (const char* statement : {"run", "test-result"}) {
    if (options.pae_out)
      check_output("--pae-out", pae_path(*options.pae_out, statement), options.force, {database});
  }
  const Audit audit = [&] {
    const Store store = Store::open_reader(database);
    const NamedAudits named = find_audits(store, *options.id);
    if (!named.set.empty()) {
      throw Error(
          Exit::usage,
          fmt::format("{}: a list of {} prompts; expected one of its audits, such as {}: a bundle is of one",
                      named.set, named.audits.size(), named.audits.front()));
    }
    return store.load(named.audits.front());
  }();
  const std::optional<PrivateKey> key = read_private_key(options.key);
  const Issue issue = issue_of(options, audit, key);
  const Evidence evidence = make_evidence(audit, issue, database_of(audit));
  BundleFiles files = evidence.files;
  files.merge(statement_files(evidence, issue, key ? std::optional(sign(evidence, *key)) : std::nullopt));
  if (options.pae_out) {
    write_output(pae_path(*options.pae_out, "run"),
                 pre_authentication_encoding(kPayloadType, evidence.run_detail));
    write_output(pae_path(*options.pae_out, "test-result"),
                 pre_authentication_encoding(kPayloadType, evidence.test_result));
  }
  write_bundle(*options.output, files, "evidence-" + audit.id, epoch_seconds(audit.created));
  const std::string signature = key               ? fmt::format("signed with key {}", issue.key->id())
                                : options.pae_out ? fmt::format("to be signed with key {}", issue.key->id())
                                                  : "not signed: nothing in it shows who made it";
  print(fmt::format("{}: evidence of audit {}, {}\n", printable(*options.output, 4096), audit.id, signature));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_evidence_create(CLI::App& evidence) {
  CLI::App* verb = evidence.add_subcommand("create", "Make a bundle of an audit");
  const auto options = std::make_shared<CreateOptions>();
  add_text(*verb, "id", options->id, "The audit: an id, the beginning of one, or latest", "ID");
  add_text(*verb, "-o,--output", options->output, "The bundle to make: a folder, or a file.tar",
           "DIR|FILE.tar");
  declare_key(*verb, options->key);
  add_text(*verb, "--signer-name", options->signer_name, "A person who is responsible for it", "NAME");
  add_text(*verb, "--signer-role", options->signer_role, "What they are (default: operator)", "ROLE");
  add_text(*verb, "--policy", options->policy, "Judge by this policy instead of the audit's own",
           "NAME|FILE");
  add_text(*verb, "--clauses", options->clauses,
           "The clauses that its report names (default: the installed list)", "FILE");
  add_text(*verb, "--public-key", options->public_key,
           "Of the key by which others will sign what --pae-out writes", "FILE");
  add_text(*verb, "--pae-out", options->pae_out,
           "Write what is to be signed: PREFIX.run.pae, PREFIX.test-result.pae", "PREFIX");
  add_flag(*verb, "--force", options->force, "Replace a bundle or file that exists");
  add_text(*verb, "--db", options->database, "The database (default: the configured one)", "FILE");
  verb->footer(
      "The same audit and an Ed25519 key give the same bytes. Without --key the bundle is not signed, and "
      "says so.\n\n"
      "Examples:\n  repro-audit evidence create latest -o evidence.tar --key key.pem\n"
      "  repro-audit evidence create latest -o ev --public-key hsm.pem --pae-out ev");
  return {verb, [options] { return run_create(*options); }};
}

}  // namespace ra
