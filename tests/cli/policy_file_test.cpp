#include "cli/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

TEST(PolicyFile, ReadsEveryRuleAndTakesItsNameFromTheFile) {
  const TemporaryFolder folder;
  const Policy policy = find_policy(folder.write("release gate.toml",
                                                 "require_challenge = 'tokens'\nmin_runs = 100\n"
                                                 "[treatments]\nverdict = 'identical'\nmax_rate = 0.05\n"
                                                 "[arms.invariant]\nmax_slowdown = 1\nmax_distinct = 1\n"));
  EXPECT_EQ(policy.name, "release gate");
  EXPECT_EQ(policy.require_challenge, Challenge::tokens);
  EXPECT_EQ(policy.min_runs, 100);
  EXPECT_EQ(policy.treatments.max_rate, 0.05);
  EXPECT_EQ(policy.arms.at("invariant").max_slowdown, 1.0);
  EXPECT_EQ(policy.arms.at("invariant").max_distinct, 1);
}

TEST(PolicyFile, ABuiltInNameWinsAndAnUnknownOneIsRefusedWithTheNearest) {
  EXPECT_EQ(find_policy("nightly").name, "nightly");
  EXPECT_EQ(
      refusal(Exit::usage, [] { find_policy("nigthly"); }),
      "--policy: no file \"nigthly\"; expected a file or one of default, nightly, evidence, perhaps nightly");
}

TEST(PolicyFile, RefusesWithFileAndLine) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"min_runs = 1\nmin_run = 2\n", ":2: min_run: unknown"},
      {"\n\nmin_runs = '5'\n", ":3: min_runs: wrong type; expected a number"},
      {"require_challenge = true\n", ":1: require_challenge: wrong type; expected a string"},
      {"[treatments]\nmax_rate = nan\n", ":2: treatments.max_rate: \"nan\"; expected a share"},
      {"[treatments]\nmax_rate = -0.5\n", ":2: treatments.max_rate: \"-0.5\""},
      {"[treatments]\nmax_rate = '1%'\n", ":2: treatments.max_rate: wrong type"},
      {"[treatments]\nverdict = 'clean'\n",
       ":2: treatments.verdict: \"clean\"; expected one of promised, identical"},
      {"min_runs = 1\nmin_runs = 2\n", ":2: "},
      {"[arms]\nverdict = 'any'\n", ":2: arms.verdict: unknown"},
      {"min_runs = \n", ":1: "},
  };
  for (const auto& [text, message] : cases) {
    const std::string path = folder.write("policy.toml", text);
    EXPECT_THAT(refusal(Exit::usage, [&] { find_policy(path); }), HasSubstr(path + message)) << text;
  }
}

}  // namespace
}  // namespace ra
