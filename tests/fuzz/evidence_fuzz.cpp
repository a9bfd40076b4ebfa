// A bundle as a tar file, or its envelopes alone. Whatever comes, it is refused or has a verdict, and what was read is
// what is written.
#include "reports/evidence/dsse.h"
#include "reports/evidence/tar.h"
#include "reports/evidence/verify.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

const ra::VerifyRequest& request() {
  static const ra::VerifyRequest made{
      .version = "fuzz",
      .read_policy = [](const std::string&, const std::string&) { return ra::Policy{}; },
      .read_clauses = [](const std::string&) { return ra::ClauseList{}; }};
  return made;
}

void check_tar(std::string_view bytes) {
  ra::TarContent content;
  try {
    content = ra::read_tar(bytes, "a.tar");
  } catch (const ra::Error& error) {
    ra::check(error.status() == ra::Exit::evidence, "a tar file refused as evidence");
    return;
  }
  ra::check(ra::tar_of(content.files, content.root, content.seconds_since_1970) == bytes,
            "the same bytes again");
  ra::verify_evidence(content.files, request());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = ra::as_text(data, size);
  check_tar(bytes);
  ra::accepts([&] {
    const ra::Envelope envelope = ra::parse_envelope(bytes, "envelope");
    ra::check(ra::parse_envelope(ra::envelope_line(envelope), "again") == envelope,
              "the same envelope again");
  });
  ra::BundleFiles files;
  for (const char* name : ra::kRequiredFiles) files[name] = bytes;
  ra::verify_evidence(files, request());
  return 0;
}
