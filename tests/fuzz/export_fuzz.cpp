// The lines of an export file, with an end that vouches for them, as whoever forges one would write it.
#include <algorithm>

#include "core/audit/analysis.h"
#include "core/audit/export.h"
#include "core/gzip.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string lines(ra::as_text(data, size));
  const auto count = std::count(lines.begin(), lines.end(), '\n');
  const std::string file = ra::gzip(lines + "{\"kind\":\"end\",\"lines\":" + std::to_string(count) +
                                    ",\"sha256\":\"" + ra::hex(ra::sha256(lines)) + "\"}\n");
  ra::accepts([&] {
    const ra::Audit audit = ra::read_export(file, "export");
    const std::string written = ra::export_audit(audit);
    ra::check(ra::export_audit(ra::read_export(written, "export")) == written, "the same bytes again");
    ra::analyze(audit);
  });
  return 0;
}
