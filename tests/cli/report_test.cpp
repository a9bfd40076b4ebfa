// Reports that the real program makes again from its database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

TEST(Report, ForFilingTakesItsClausesFromTheInstalledListOrFromAnother) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  const auto filing = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"report", "--db", folder / "audits.sqlite"});
    return run_program(more);
  };
  const std::string file = folder / "filing.html";
  EXPECT_EQ(filing({"latest", "--filing", file}).status, 0);
  EXPECT_GT(std::filesystem::file_size(file), 10'000u);
  const std::string page =
      filing({"--filing", "-", "--signer-name", "Ada <Example>", "--signer-role", "operator"}).out;
  EXPECT_THAT(page, HasSubstr("Ada &lt;Example&gt;"));
  EXPECT_THAT(page, HasSubstr("MEASURE 2.13"));
  EXPECT_THAT(page, HasSubstr("<b>Unsigned.</b>"));
  const std::string list = folder.write("own.toml",
                                        "version = '7'\n[[clause]]\nframework = 'Ours'\nclause = '1'\ntopic "
                                        "= 't'\nevidence = 'e'\nwhere = ['Limits']\n");
  EXPECT_THAT(filing({"--filing", "-", "--clauses", list}).out, HasSubstr("by version 7 of the list"));
  EXPECT_EQ(filing({"--filing", file}).status, 2) << "it is there";
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--html", "-", "--filing", "-"},
                                                {"--html", "-", "--signer-name", "Ada"},
                                                {"--html", "-", "--clauses", list},
                                                {"--filing", "-", "--signer-role", "operator"},
                                                {"--filing", "-", "--clauses", folder / "absent.toml"}}) {
    const Finished refused = filing(wrong);
    EXPECT_EQ(refused.status, 2) << wrong.back();
    EXPECT_EQ(refused.out, "");
  }
}

TEST(Report, OfTwoAuditsNamesThemAsCompareDoes) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_audit(folder, {})).status, 0);
  ASSERT_EQ(run_program(tiny_audit(folder, {"--seed", "2"})).status, 0);
  const std::string database = folder / "audits.sqlite", file = folder / "b.jsonl.gz";
  ASSERT_EQ(run_program({"export", "latest", file, "--db", database}).status, 0);
  const auto report = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"report", "--db", database});
    return run_program(more);
  };
  const Finished page = report({"--compare", "latest", file, "--html", "-"});
  EXPECT_EQ(page.status, 0) << page.err;
  EXPECT_THAT(page.out, HasSubstr("<th scope=\"col\">audit latest</th>"));
  EXPECT_THAT(page.out, HasSubstr(">same</span>"));
  EXPECT_EQ(report({"--compare", "latest", file, "--json", "-"}).out,
            run_program({"compare", "latest", file, "--json", "--db", database}).out);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--compare", "latest", "--html", "-"},
        {"latest", "--compare", "latest", file, "--html", "-"},
        {"--compare", "latest", file, "--compare", "latest", file, "--html", "-"},
        {"--compare", "latest", file},
        {"--compare", "latest", file, "--junit", "-"},
        {"--compare", "latest", file, "--filing", "-"},
        {"--compare", "latest", file, "--html", file, "--force"}}) {
    const Finished refused = report(wrong);
    EXPECT_EQ(refused.status, 2) << wrong.back();
    EXPECT_EQ(refused.out, "");
  }
}

}  // namespace
}  // namespace ra
