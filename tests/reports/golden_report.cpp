#include "tests/reports/golden_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/audit_builder.h"

namespace ra {

void expect_golden(const std::string& name, const std::string& bytes) {
  std::ifstream file(std::string(RA_GOLDEN "/reports/") + name, std::ios::binary);
  std::stringstream golden;
  golden << file.rdbuf();
  if (golden.str() == bytes) return;
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << bytes;
  ADD_FAILURE() << "differs from tests/golden/reports/" << name << "; what was made is " << path;
}

std::string without_style(std::string page) {
  const size_t style = page.find("<style>") + 7;
  page.erase(style, page.find("</style>") - style);
  const size_t hash = page.find("'sha256-") + 8;
  return page.erase(hash, page.find('\'', hash) - hash);
}

Audit small_scripted_audit() {
  const std::vector<int32_t> solo = {10, 11, 12, 13, 14, 15};
  AuditBuilder builder({"standard", "invariant"}, solo);
  builder.vary_sum_order(0, "qkv", true);
  builder.vary_sum_order(0, "attention", true);
  builder.vary_sum_order(0, "o", false);
  const int32_t probe = builder.probe(256, 3);
  builder.trial(TrialKind::edge, 1, 0);
  const int32_t pair = builder.trial(TrialKind::random, 2, 0);
  const int32_t with_probe = builder.trial(TrialKind::random, 1, 1, {probe});
  const int32_t stopped = builder.trial(TrialKind::random, 2, 2);
  const std::vector<PlantedStream> parted = {{.tokens = solo, .salted_from = 1},
                                             {.tokens = {10, 11, 12, 513, 14, 15}, .salted_from = 2}};
  builder.done(0, pair, parted);
  builder.done(0, with_probe, {{.tokens = solo}, AuditBuilder::probe_stream(3, 1)});
  builder.done(0, stopped, {{.tokens = solo}, {.tokens = {10, 11, 12, 13, 90}, .end = EndReason::stop}});
  builder.done(0, builder.repeat_of(pair), parted);
  builder.finish();
  return builder.audit;
}

}  // namespace ra
