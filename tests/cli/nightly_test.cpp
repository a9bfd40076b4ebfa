// samples/nightly: parsed by what would read it, as far as that is here, and run with a tiny model in place of theirs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/audit/store.h"
#include "tests/cli/program.h"
#include "tests/support/is_here.h"

namespace ra {
namespace {

using ::testing::HasSubstr;

const std::string kSamples = RA_SOURCE "/samples/nightly/";

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A folder as the jobs find it: samples/, prompts/, and programs of their names on the path.
class Nightly : public testing::Test {
 protected:
  Nightly() {
    std::filesystem::create_directories(folder / "bin");
    std::filesystem::create_symlink(RA_SOURCE "/samples", folder / "samples");
    std::filesystem::create_symlink(RA_SOURCE "/samples/prompts", folder / "prompts");
    // The tiny model has no chat format and little context; a night of it takes a second.
    program("repro-audit",
            "verb=$1\nshift\ncase \"$verb $*\" in\n"
            "  run*--resume*) ;;\n  run*) set -- --raw -n ${RUNS:-12} --max-tokens 8 --batch-sizes 1-6 "
            "\"$@\" ;;\nesac\n"
            "exec '" RA_PROGRAM "' \"$verb\" \"$@\"\n");
    program("srun", "exec \"$@\"\n");
  }
  void program(const std::string& name, const std::string& body) {
    const std::string path = folder.write("bin/" + name, "#!/bin/bash\n" + body);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  // The exit status of a bash script in the folder, with what it printed in `said`.
  int run(const std::string& script) {
    const std::string path = folder.write("script", script);
    const std::string command = fmt::format(
        "cd '{}' && env -i HOME='{}' PATH='{}/bin:/usr/bin:/bin' REPRO_AUDIT_MODEL='{}' {} bash -eu '{}' "
        ">said 2>&1",
        folder.path(), folder.path(), folder.path(), RA_GOLDEN "/llama-tied-bf16", variables, path);
    const int state = std::system(command.c_str());
    said = content(folder / "said");
    return WEXITSTATUS(state);
  }
  void expect_reports(const std::string& out) {
    for (const char* name : {"audit.html", "audit.json", "audit.xml", "audit.md", "audit.prom",
                             "events.ndjson", "trend.html", "trend.txt"})
      EXPECT_GT(std::filesystem::file_size(folder / (out + "/" + name)), 100u) << name;
  }

  TemporaryFolder folder;
  std::string variables = "AUDIT_POLICY=default", said;
};

TEST_F(Nightly, AnAuditLeavesEveryReportAndItsExitStatus) {
  EXPECT_EQ(run("samples/nightly/audit out --prompt prompts/feynman.txt"), 0) << said;
  expect_reports("out");
  variables = "";
  EXPECT_EQ(run("samples/nightly/audit out --prompt prompts/feynman.txt --kernels invariant"), 1)
      << "nightly wants a control that fired";
  expect_reports("out");
  EXPECT_THAT(said, HasSubstr("the control did not fire"));
  EXPECT_THAT(content(folder / "out/trend.txt"), HasSubstr(": 2 audits"));
  EXPECT_EQ(run("samples/nightly/audit out --prompt prompts/absent.txt"), 3) << said;
}

TEST_F(Nightly, AnAuditThatWasStoppedIsReportedAndGoesOn) {
  variables += " RUNS=300 AUDIT_DATABASE=" + (folder / "night.sqlite");
  // Told to stop as systemd and Slurm do it: all processes of the group, as soon as there is something to go on with.
  EXPECT_EQ(run("set -m\nsamples/nightly/audit out --prompt prompts/feynman.txt &\n"
                "until grep -qs '\"event\":\"trial\"' out/events.ndjson; do kill -0 $!; sleep 0.05; done\n"
                "kill -TERM -- -$!\nwait $!"),
            128 + SIGTERM)
      << said;
  expect_reports("out");
  EXPECT_THAT(content(folder / "out/audit.md"), HasSubstr("pending"));
  EXPECT_EQ(run("samples/nightly/audit out --resume latest"), 0) << said;
  const std::vector<AuditSummary> audits = Store::open_reader(folder / "night.sqlite").list();
  ASSERT_EQ(audits.size(), 1u);
  EXPECT_EQ(audits[0].turns_done, audits[0].turns);
}

class NightlyJob : public Nightly, public testing::WithParamInterface<std::string> {};

TEST_P(NightlyJob, IsYamlWhoseStepsRun) {
  const std::string steps = folder / "steps";
  const int state = std::system(
      fmt::format("python3 " RA_SOURCE "/tests/cli/job_steps.py '{}{}' >'{}'", kSamples, GetParam(), steps)
          .c_str());
  if (WEXITSTATUS(state) == 3) GTEST_SKIP() << "no python3-yaml here";
  ASSERT_EQ(state, 0);
  variables += " GITHUB_STEP_SUMMARY=" + folder.write("summary", "before\n");
  EXPECT_EQ(run(content(steps)), 0) << said;
  expect_reports("out");
  if (GetParam() == "gitlab-ci.yml") return;
  EXPECT_THAT(content(folder / "summary"), testing::StartsWith("before\n### invariant gave the same"));
}
INSTANTIATE_TEST_SUITE_P(Files, NightlyJob, testing::Values("github-actions.yml", "gitlab-ci.yml"),
                         [](const auto& test) {
                           return test.param.substr(0, test.param.find_first_of("-."));
                         });

TEST_F(Nightly, TheSlurmArrayAuditsAPromptATaskAndGoesOn) {
  const std::string script = content(kSamples + "slurm-array.sh");
  EXPECT_THAT(script, testing::ContainsRegex("\n#SBATCH --array=0-[0-9]+\n"));
  variables += " SLURM_ARRAY_TASK_ID=0 SLURM_CPUS_PER_TASK=2";
  EXPECT_EQ(run(script), 0) << said;
  expect_reports("repro-audit/feynman");
  EXPECT_TRUE(std::filesystem::exists(folder / "repro-audit/feynman.sqlite"));
  variables = "SLURM_ARRAY_TASK_ID=1";
  EXPECT_EQ(run(script), 0);
  EXPECT_EQ(said, "no prompt for task 1: there are 1\n");
  variables = "";
  EXPECT_EQ(run(script), 1) << "not submitted";
}

TEST_F(Nightly, SystemdTakesTheServiceAndItsTimer) {
  if (!is_here("systemd-analyze")) GTEST_SKIP() << "no systemd-analyze here";
  std::string service = content(kSamples + "repro-audit.service");
  const std::string installed = "/usr/local/share/repro-audit/nightly/audit";
  const size_t at = service.find("ExecStart=" + installed + " ");
  ASSERT_NE(at, std::string::npos);
  service.replace(at + 10, installed.size(), kSamples + "audit");  // it must be there to be verified
  folder.write("repro-audit.service", service);
  folder.write("repro-audit.timer", content(kSamples + "repro-audit.timer"));
  const std::string command = fmt::format(
      "cd '{}' && systemd-analyze verify --man=no ./repro-audit.service ./repro-audit.timer >said 2>&1 && "
      "systemd-analyze calendar '*-*-* 03:17:00' >>said",
      folder.path());
  EXPECT_EQ(std::system(command.c_str()), 0);
  said = content(folder / "said");
  EXPECT_EQ(said.find("repro-audit."), std::string::npos) << said;
}

}  // namespace
}  // namespace ra
