// The finished audits in samples/audits: what README says of them is in them, and the pages hold what the JSON does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/analysis.h"
#include "core/audit/export.h"
#include "core/gzip.h"
#include "core/json.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

using testing::HasSubstr;

const std::string kFolder = RA_SOURCE "/samples/audits/";
constexpr size_t kLargestReport = 64 << 20;

struct Sample {
  const char* name;
  const char* standard_verdict;
  uint64_t standard_streams;
};

TEST(SampleAudits, HoldWhatTheirReadmeSays) {
  for (const Sample& sample :
       {Sample{"qwen3-8b-shape-h100", "diverged", 175}, Sample{"smollm2-135m-h100", "tokens-identical", 1}}) {
    SCOPED_TRACE(sample.name);
    const Json report = parse_json(
        gunzip(read_file(kFolder + sample.name + ".json.gz"), sample.name, kLargestReport), sample.name);
    EXPECT_EQ(member(report, "format").string("format"), "repro-audit-report");
    const Json::Array& arms = member(report, "arms").array("arms");
    ASSERT_EQ(arms.size(), 2u);
    EXPECT_EQ(member(arms[0], "name").string("name"), "standard");
    EXPECT_EQ(member(arms[0], "verdict").string("verdict"), sample.standard_verdict);
    EXPECT_EQ(member(arms[0], "distinct_streams").unsigned_integer("streams"), sample.standard_streams);
    EXPECT_EQ(member(arms[1], "sum_order_class").string("class"), "hopper-k16/1");
    EXPECT_EQ(member(arms[1], "verdict").string("verdict"), "identical");
    EXPECT_EQ(member(arms[1], "distinct_streams").unsigned_integer("streams"), 1u);
    const std::string html = read_file(kFolder + sample.name + ".html");
    EXPECT_THAT(html, HasSubstr("1000 runs, bit for bit"));
    EXPECT_THAT(read_file(kFolder + "README.md"), HasSubstr(sample.name));
  }
}

TEST(SampleAudits, TheWholeOneIsSoundAndHoldsWhatTheReadmeSays) {
  const std::string file = kFolder + "smollm2-135m-cpu.jsonl.gz";
  const Audit audit = read_export(read_file(file), file);
  const Finding finding = analyze(audit);
  ASSERT_EQ(finding.arms.size(), 2u);
  const ArmFinding &standard = finding.arms[0], &invariant = finding.arms[1];
  EXPECT_EQ(standard.distinct_streams, 3);
  EXPECT_EQ(standard.tokens.differing, 60);
  EXPECT_EQ(standard.tokens.trials, 60);
  EXPECT_EQ(invariant.done, 1000);
  EXPECT_EQ(invariant.distinct_streams, 1);
  EXPECT_EQ(invariant.digests.differing, 0);
}

// GitHub shows a README's pictures by their paths.
TEST(SampleAudits, ThePicturesThatAreShownAreThereAndSmall) {
  const std::string readme = read_file(RA_SOURCE "/README.md");
  for (const char* name :
       {"report-360-light", "report-360-dark", "report-1060-light", "report-1060-dark", "filing-a4"}) {
    const std::string path = std::string("samples/screenshots/") + name + ".png";
    const std::string bytes = read_file(RA_SOURCE "/" + path);
    EXPECT_EQ(bytes.substr(1, 3), "PNG") << path;
    EXPECT_LT(bytes.size(), 150'000u) << path;
    if (std::string(name).find("1060") != std::string::npos) {
      EXPECT_THAT(readme, HasSubstr(path));
    }
  }
}

}  // namespace
}  // namespace ra
