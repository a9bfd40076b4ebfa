// The finished audits in samples/audits: whole, and what README says of them is in them and on their pages.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/analysis.h"
#include "core/audit/export.h"
#include "tests/support/golden.h"

namespace ra {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

const std::string kFolder = RA_SOURCE "/samples/audits/";

struct Sample {
  const char* name;
  const char* sum_order_class;  // of invariant
  int64_t standard_streams;
  int64_t random_trials;
  bool has_page;
};

TEST(SampleAudits, AreSoundAndHoldWhatTheirReadmeSays) {
  const std::string readme = read_file(kFolder + "README.md");
  for (const Sample& sample : {Sample{"qwen3-8b-shape-h100", "hopper-k16/1", 181, 50, true},
                               Sample{"smollm2-135m-h100", "hopper-k16/1", 7, 50, true},
                               Sample{"smollm2-135m-cpu", "cpu-fma512/1", 3, 60, false}}) {
    const std::string file = kFolder + sample.name + ".jsonl.gz";
    SCOPED_TRACE(file);
    const std::string bytes = read_file(file);
    EXPECT_LT(bytes.size(), 2'000'000u);
    const Audit audit = read_export(bytes, file);
    const Finding finding = analyze(audit);
    ASSERT_EQ(finding.arms.size(), 2u);
    const ArmFinding &standard = finding.arms[0], &invariant = finding.arms[1];
    EXPECT_EQ(standard.distinct_streams, sample.standard_streams);
    EXPECT_EQ(standard.tokens.differing, sample.random_trials);
    EXPECT_EQ(standard.tokens.trials, sample.random_trials);
    EXPECT_EQ(audit.arms[1].facts.sum_order_class, sample.sum_order_class);
    EXPECT_EQ(invariant.done, 1000);
    EXPECT_EQ(invariant.distinct_streams, 1);
    EXPECT_EQ(invariant.digests.differing, 0);
    EXPECT_THAT(readme,
                ContainsRegex(fmt::format("{}.*{} streams; {} of {}", sample.name, sample.standard_streams,
                                          sample.random_trials, sample.random_trials)));
    if (!sample.has_page) continue;
    const std::string html = read_file(kFolder + sample.name + ".html");
    EXPECT_THAT(html, HasSubstr("1000 runs, bit for bit"));
    EXPECT_THAT(html, HasSubstr(audit.id));
  }
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
