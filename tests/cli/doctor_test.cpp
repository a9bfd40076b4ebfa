// repro-audit doctor, in homes with something wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/cli/program.h"

namespace ra {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

Finished doctor(const TemporaryFolder& home, std::vector<std::string> more = {}) {
  more.insert(more.begin(), "doctor");
  return launch_program(
      {.arguments = more,
       .environment = {{"HOME", home.path()}, {"REPRO_AUDIT_MODEL", RA_GOLDEN "/llama-tied-bf16"}}});
}

TEST(Doctor, FindsNothingWrongWhereNothingIs) {
  const TemporaryFolder home;
  const Finished healthy = doctor(home);
  EXPECT_EQ(healthy.status, 0) << healthy.out << healthy.err;
  EXPECT_THAT(healthy.out, ContainsRegex("good +processor "));
  EXPECT_THAT(healthy.out, ContainsRegex("good +model +llama-tied-bf16"));
  EXPECT_THAT(healthy.out, ContainsRegex("(good|note) +OpenBLAS "));
  EXPECT_THAT(healthy.out, ContainsRegex("good +database .*none yet"));
  EXPECT_FALSE(std::filesystem::exists(home / ".local")) << "it looks, and makes nothing";
}

TEST(Doctor, SaysWhatIsWrongAndHowToMendIt) {
  const TemporaryFolder home;
  std::filesystem::create_directories(home / ".config/repro-audit");
  home.write(".config/repro-audit/config.toml", "modle = 'x'\n");
  const std::string damaged = home.write("damaged.sqlite", std::string(4096, 'x'));
  const std::string model = home.write("model.gguf", "GGUF, but no more");
  const Finished ill = doctor(home, {"--db", damaged, "--model", model});
  EXPECT_EQ(ill.status, 3);
  EXPECT_THAT(ill.out, ContainsRegex("wrong +configuration +.*config.toml:1: unknown key"));
  EXPECT_THAT(ill.out, ContainsRegex("wrong +model +.*model.gguf"));
  EXPECT_THAT(ill.out, ContainsRegex("wrong +database +.*damaged.sqlite"));
  EXPECT_THAT(ill.out, HasSubstr("-> `repro-audit db check` says what is damaged"));
  EXPECT_EQ(ill.err, "");
}

TEST(Doctor, SaysThatOpenBlasIsToldToTakeOldKernels) {
  const TemporaryFolder home;
  const Finished found =
      launch_program({.arguments = {"doctor", "--model", RA_GOLDEN "/llama-tied-bf16"},
                      .environment = {{"HOME", home.path()}, {"OPENBLAS_CORETYPE", "Prescott"}}});
  EXPECT_EQ(found.status, 0) << found.out;
  EXPECT_THAT(found.out, ContainsRegex("note +OpenBLAS +.*Prescott: kernels for processors without AVX"));
  EXPECT_THAT(found.out, HasSubstr("-> unset OPENBLAS_CORETYPE, which is Prescott"));
}

TEST(Doctor, WithoutAModelIsANote) {
  const TemporaryFolder home;
  const Finished found = launch_program({.arguments = {"doctor"}, .environment = {{"HOME", home.path()}}});
  EXPECT_EQ(found.status, 0) << found.out;
  EXPECT_THAT(found.out, ContainsRegex("note +model +no model"));
  EXPECT_THAT(found.out, Not(HasSubstr("OpenBLAS")));
}

TEST(Doctor, SaysTheSameAsJson) {
  const TemporaryFolder home;
  const Finished text = doctor(home), json = doctor(home, {"--json"});
  EXPECT_EQ(json.status, text.status);
  const Json report = parse_json(json.out, "doctor");
  EXPECT_TRUE(report.find("whole")->boolean("whole"));
  for (const Json& part : report.find("parts")->array("parts")) {
    EXPECT_THAT(text.out, HasSubstr(part.find("part")->string("part")));
    EXPECT_THAT(text.out, HasSubstr(part.find("health")->string("health")));
  }
}

}  // namespace
}  // namespace ra
