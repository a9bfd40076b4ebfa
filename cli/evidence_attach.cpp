// repro-audit evidence attach: what others made about a bundle, put beside its statements.
#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/evidence.h"
#include "cli/evidence_files.h"
#include "cli/evidence_key.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "core/llm/input_file.h"
#include "core/printable.h"
#include "reports/evidence/evidence.h"
#include "reports/evidence/replay.h"

namespace ra {
namespace {

constexpr size_t kMaxAttachedBytes = 1 << 20;

struct AttachOptions {
  std::optional<std::string> bundle, signature, test_result_signature, timestamp, replayed_by;
  std::optional<int64_t> streams, equal;
  KeyOptions key;
};

// Error(usage) unless exactly one thing is to be attached, whole.
void check_options(const AttachOptions& options) {
  const auto refuse = [](const char* message) { throw Error(Exit::usage, message); };
  if (!options.bundle) refuse("no bundle; expected a folder or file that `evidence create` wrote");
  if (options.signature.has_value() != options.test_result_signature.has_value())
    refuse("one signature; expected --signature and --test-result-signature");
  const bool replay = options.replayed_by || options.streams || options.equal || options.key.key;
  if (options.signature.has_value() + options.timestamp.has_value() + replay != 1)
    refuse("expected one thing to attach: both signatures, --timestamp, or --replayed-by");
  if (replay && !(options.replayed_by && options.streams && options.equal && options.key.key))
    refuse("a replay is attached with --replayed-by, --streams, --streams-equal and --key; expected all");
  if (replay && *options.equal > *options.streams)
    refuse("--streams-equal above --streams; expected no more");
}

std::string read_attached(const std::string& path) {
  return InputFile::open(path).read_text(kMaxAttachedBytes);
}

int run_attach(const AttachOptions& options) {
  check_options(options);
  TarContent bundle = read_bundle(*options.bundle);
  BundleFiles& files = bundle.files;
  if (options.signature) {
    attach_signatures(files,
                      {read_attached(*options.test_result_signature), read_attached(*options.signature)});
  } else if (options.timestamp) {
    attach_timestamp(files, read_attached(*options.timestamp));
  } else {
    attach_replay(files, {*options.replayed_by, *options.streams, *options.equal},
                  *read_private_key(options.key));
  }
  // Nothing is attached that does not fit, nor to what does not hold.
  for (const EvidenceCheck& check : verify_as_program(files, {}).checks) {
    if (check.state == CheckState::failed)
      throw Error(Exit::evidence,
                  fmt::format("{}: {}; expected a bundle that holds with it", check.name, check.sentence));
  }
  write_bundle(*options.bundle, files, bundle.root, bundle.seconds_since_1970);
  print(fmt::format("{}: attached\n", printable(*options.bundle, 4096)));
  return static_cast<int>(Exit::ok);
}

}  // namespace

Verb add_evidence_attach(CLI::App& evidence) {
  CLI::App* verb =
      evidence.add_subcommand("attach", "Attach a signature, a time stamp or a replay that others made");
  const auto options = std::make_shared<AttachOptions>();
  add_text(*verb, "bundle", options->bundle, "A folder or file.tar that `evidence create` wrote",
           "DIR|FILE.tar");
  add_text(*verb, "--signature", options->signature, "Of PREFIX.run.pae: DER for P-256, 64 bytes for Ed25519",
           "FILE");
  add_text(*verb, "--test-result-signature", options->test_result_signature, "Of PREFIX.test-result.pae",
           "FILE");
  add_text(*verb, "--timestamp", options->timestamp, "An RFC 3161 response about the run's signature",
           "FILE");
  add_text(*verb, "--replayed-by", options->replayed_by, "Who ran the audit again", "NAME");
  add_number(*verb, "--streams", options->streams, 1, 1'000'000'000, "How many streams were made again");
  add_number(*verb, "--streams-equal", options->equal, 0, 1'000'000'000, "How many of them were the same");
  declare_key(*verb, options->key);
  verb->footer(
      "The bundle is checked before it is written: with what does not fit it stays as it was, exit status 7. "
      "--key is "
      "that of who ran the audit again.\n\n"
      "Examples:\n  repro-audit evidence attach ev --signature a.sig --test-result-signature b.sig\n"
      "  repro-audit evidence attach ev --timestamp reply.tsr");
  return {verb, [options] { return run_attach(*options); }};
}

}  // namespace ra
